// The head counter: a big button that counts on the guard's own phone. Without this file the number is typed in.
"use strict";
(function () {
  var box = document.getElementById("tapper"), field = document.getElementById("heads");
  if (!box || !field) return;
  var key = "heads-" + box.dataset.sample, most = Number(box.dataset.most), shown = document.getElementById("tapped");
  var ends = Date.now() + Number(box.dataset.left) * 1000, heads = 0;
  try { heads = Number(localStorage.getItem(key)) || 0; } catch (refused) { /* kept on the page alone */ }
  function show() {
    shown.textContent = heads;
    field.value = heads;
    try { localStorage.setItem(key, heads); } catch (refused) { /* as above */ }
  }
  function by(step) {
    return function () { heads = Math.max(0, Math.min(most, heads + step)); show(); };
  }
  function tick() {
    var left = Math.ceil((ends - Date.now()) / 1000), clock = document.getElementById("clock");
    if (left > 0) { setTimeout(tick, Math.min(left, 5) * 1000); return; }
    clock.textContent = "10分钟到了，数到" + heads + "人，请报数。";
    document.getElementById("tap").disabled = true;
    field.form.querySelector("button").focus();
  }
  document.getElementById("tap").addEventListener("click", by(1));
  document.getElementById("untap").addEventListener("click", by(-1));
  box.hidden = false;
  if (!field.value) show(); else { heads = Number(field.value) || heads; show(); }
  tick();
})();
