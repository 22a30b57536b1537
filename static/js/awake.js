// A tablet at a gate keeps its screen on while this page is open, where the browser can do that.
"use strict";
(function () {
  function hold() {
    if (document.visibilityState === "visible" && navigator.wakeLock) navigator.wakeLock.request("screen").catch(function () {});
  }
  document.addEventListener("visibilitychange", hold);
  hold();
})();
