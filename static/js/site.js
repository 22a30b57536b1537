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
document.addEventListener("DOMContentLoaded", unfold);
document.addEventListener("DOMContentLoaded", focusErrors);
document.addEventListener("htmx:afterSwap", focusErrors);
// What this device's clock says goes along with a report; the server's own time decides.
document.addEventListener("submit", (event) => {
  for (const one of event.target.querySelectorAll("[data-device-time]")) one.value = new Date().toISOString();
});
