// The pass renews itself a second after each minute. Offline it stays, but says so and its word is marked as stale.
"use strict";
(function () {
  function plan() {
    var pass = document.getElementById("pass");
    if (pass && pass.dataset.live === "on") setTimeout(renew, pass.dataset.seconds * 1000);
  }
  function renew() {
    fetch(location.href, { cache: "no-store", credentials: "same-origin" })
      .then(function (answer) { if (!answer.ok) throw new Error(answer.status); return answer.text(); })
      .then(function (html) {
        var fresh = new DOMParser().parseFromString(html, "text/html");
        var old = document.getElementById("main"), now = fresh.getElementById("main");
        var sprite = document.querySelector("svg.sprite"), symbols = fresh.querySelector("svg.sprite");
        if (sprite && symbols) sprite.innerHTML = symbols.innerHTML;
        old.innerHTML = now.innerHTML;
        document.title = fresh.title;
        plan();
      })
      .catch(function () {
        var pass = document.getElementById("pass"), note = document.getElementById("stale");
        if (!note) {
          note = document.createElement("p");
          note.id = "stale";
          note.className = "mode mode--on";
          note.setAttribute("role", "status");
          note.textContent = pass.dataset.stale;
          pass.insertBefore(note, pass.firstChild);
          var word = document.querySelector(".word");
          if (word) word.classList.add("word--stale");
        }
        setTimeout(renew, 5000);
      });
  }
  plan();
})();
