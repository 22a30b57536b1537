// Finishing touches for signed-in pages. Everything works without this file.
"use strict";
// After a refused form the summary of errors has the focus, so that it is read out first.
function focusErrors() {
  const summary = document.getElementById("errors");
  if (summary) summary.focus();
}
// On a wide screen there is room for the filters of a list: they stand open.
function unfold() {
  if (!matchMedia("(min-width: 48em)").matches) return;
  for (const one of document.querySelectorAll("details.fold")) one.open = true;
}
// A list that is meant for a chat group goes to the clipboard; without this it is marked and copied by hand.
function copyText(event) {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  text.select();
  const copied = () => { button.textContent = "已复制，到群里粘贴"; };
  if (navigator.clipboard) navigator.clipboard.writeText(text.value).then(copied, () => document.execCommand("copy") && copied());
  else if (document.execCommand("copy")) copied();
}
document.addEventListener("click", copyText);
document.addEventListener("DOMContentLoaded", () => { for (const one of document.querySelectorAll("[data-copies]")) one.hidden = false; });
document.addEventListener("DOMContentLoaded", unfold);
document.addEventListener("DOMContentLoaded", focusErrors);
document.addEventListener("htmx:afterSwap", focusErrors);
// What this device's clock says goes along with a report; the server's own time decides.
document.addEventListener("submit", (event) => {
  for (const one of event.target.querySelectorAll("[data-device-time]")) one.value = new Date().toISOString();
});
