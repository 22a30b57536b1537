// Finishing touches for signed-in pages. Everything works without this file.
"use strict";
// After a refused form the summary of errors has the focus, so that it is read out first.
function focusErrors() {
  const summary = document.getElementById("errors");
  if (summary) summary.focus();
}
document.addEventListener("DOMContentLoaded", focusErrors);
document.addEventListener("htmx:afterSwap", focusErrors);
