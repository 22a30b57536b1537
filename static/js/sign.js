// Signing with a finger, and the time that is left to take a signature back. Both pages work without this file.
"use strict";
function pad(form) {
  const box = form.querySelector("[data-pad]"), canvas = form.querySelector("#pad-canvas");
  const kept = form.elements.strokes, used = form.elements.pad;
  const typing = form.querySelector("[data-typing]"), drawn = form.querySelector("[data-drawn]");
  let signature = null;
  function fit() {
    const ratio = Math.max(window.devicePixelRatio || 1, 1), before = signature ? signature.toData() : [];
    canvas.width = canvas.offsetWidth * ratio;
    canvas.height = canvas.offsetHeight * ratio;
    canvas.getContext("2d").scale(ratio, ratio);
    if (signature) { signature.clear(); signature.fromData(before); }
  }
  function use(on) {
    box.hidden = !on;
    typing.hidden = on;
    drawn.hidden = on;
    used.value = on ? "1" : "0";
    if (on) fit();
  }
  use(used.value !== "0");  // put away before: the form has come back with an error
  signature = new SignaturePad(canvas, { penColor: "#1b2423", minWidth: 1.2, maxWidth: 3.2 });
  try {  // a form that came back with an error keeps what was drawn
    const old = JSON.parse(kept.value);
    const scale = canvas.offsetWidth / old.w;
    signature.fromData(old.strokes.map(line => ({ penColor: "#1b2423", minWidth: 1.2, maxWidth: 3.2, dotSize: 0, velocityFilterWeight: 0.7, compositeOperation: "source-over",
      points: Array.from({ length: line.length / 2 }, (_, n) => ({ x: line[2 * n] * scale, y: line[2 * n + 1] * scale, time: n * 20, pressure: 0.5 })) })));
  } catch (_none) { /* nothing was drawn */ }
  let width = canvas.offsetWidth;
  addEventListener("resize", () => { if (!box.hidden && canvas.offsetWidth !== width) { width = canvas.offsetWidth; fit(); } });
  form.querySelector("[data-clear]").addEventListener("click", () => signature.clear());
  form.querySelector("[data-typed]").addEventListener("click", () => use(false));
  drawn.addEventListener("click", () => use(true));
  form.addEventListener("submit", () => {
    const strokes = signature.toData().map(group => group.points.flatMap(point => [Math.round(point.x), Math.round(point.y)]));
    kept.value = strokes.length ? JSON.stringify({ w: Math.round(canvas.offsetWidth), h: Math.round(canvas.offsetHeight), strokes }) : "";
    if (form.elements.photo.files.length) used.value = "0";
  });
}
function countDown(shown) {
  const until = Date.parse(shown.dataset.until);
  const timer = setInterval(() => {
    const left = Math.max(0, Math.round((until - Date.now()) / 1000));
    shown.textContent = left ? `还有${Math.floor(left / 60)}分${String(left % 60).padStart(2, "0")}秒可以撤回` : "已过10分钟，不能再撤回";
    if (!left) clearInterval(timer);
  }, 1000);
}
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-sign]");
  if (form && window.SignaturePad) pad(form);
  document.querySelectorAll("[data-until]").forEach(countDown);
});
