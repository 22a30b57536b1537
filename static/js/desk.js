// The seconds that the word of the minute still holds, between two polls.
"use strict";
(function () {
  var ends = 0;
  function begin() {
    var left = document.querySelector("[data-left]");
    if (left) ends = performance.now() + left.dataset.left * 1000;
  }
  setInterval(function () {
    var left = document.querySelector("[data-left]");
    if (left) left.textContent = Math.max(Math.ceil((ends - performance.now()) / 1000), 0);
  }, 1000);
  document.addEventListener("htmx:afterSwap", begin);
  begin();
})();
