// The list for calling people together. Ticks stay on this phone; a worker keeps the page for the time without network.
// Written for the oldest phone at a gate: no arrow needed, nothing newer than Safari 13.
"use strict";
(function () {
  var LASTS = 12 * 60 * 60 * 1000;
  var list = document.getElementById("muster");
  if (!list) return;
  var KEY = "muster " + list.dataset.key;
  var boxes = Array.prototype.slice.call(list.querySelectorAll("input[type=checkbox]"));
  var ticks = read();

  function read() {
    var found = {}, now = Date.now();
    try {
      var stored = JSON.parse(localStorage.getItem(KEY)) || {};
      Object.keys(stored).forEach(function (id) { if (now - stored[id] < LASTS) found[id] = stored[id]; });
    } catch (error) { /* nothing stored that can be read: begin anew */ }
    return found;
  }
  function write() {
    try { localStorage.setItem(KEY, JSON.stringify(ticks)); } catch (error) { /* a browser that keeps nothing: until it is closed */ }
  }
  function show(id, number, kind) {
    var place = document.getElementById(id);
    var words = document.createElement("span"), blank = document.createElement("span");
    words.textContent = number.toLocaleString("en");
    words.className = kind;
    blank.className = "blank only-print";
    place.textContent = "";
    place.appendChild(words);
    place.appendChild(blank);
  }
  function count() {
    var all = 0, found = 0;
    boxes.forEach(function (box) {
      box.parentNode.parentNode.className = box.checked ? "is-found" : "";
      if (box.dataset.counted === undefined) return;
      all += 1;
      if (box.checked) found += 1;
    });
    show("found", found, "");
    show("missing", all - found, all === found ? "is-ok" : "is-no");
  }

  boxes.forEach(function (box) { box.checked = Boolean(ticks[box.value]); });
  count();
  list.addEventListener("change", function (event) {
    var box = event.target;
    if (box.type !== "checkbox") return;
    if (box.checked) ticks[box.value] = Date.now(); else delete ticks[box.value];
    write();
    count();
  });

  var only = document.getElementById("only-missing");
  only.hidden = document.getElementById("again").hidden = document.getElementById("print").hidden = false;
  only.addEventListener("click", function () {
    var on = only.getAttribute("aria-pressed") !== "true";
    only.setAttribute("aria-pressed", String(on));
    only.textContent = on ? "看全部" : "只看没找到的";
    if (on) list.dataset.only = "missing"; else delete list.dataset.only;
  });
  document.getElementById("print").addEventListener("click", function () { print(); });
  document.getElementById("clear").addEventListener("click", function () {
    ticks = {};
    write();
    boxes.forEach(function (box) { box.checked = false; });
    document.getElementById("again").open = false;
    count();
  });

  // --- kept for the time without network ---
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("/evacuation-worker.js", { scope: location.pathname })
    .then(function () { return navigator.serviceWorker.ready; })
    .then(function (registration) {
      // the page that has brought the worker was loaded without it
      var parts = Array.prototype.map.call(
        document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]"),
        function (one) { return one.href || one.src; });
      registration.active.postMessage({ page: location.href.split("#")[0], parts: parts });
    })
    .catch(function () { /* a browser that keeps nothing: the page works, with network */ });
})();
