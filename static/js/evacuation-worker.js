// Keeps the last list of who is inside for the time without network. Network first; the copy says of what time it is,
// and is dropped after 12 hours, on signing out (Clear-Site-Data) and when the site no longer gives the list to this phone.
"use strict";
var NAME = "evacuation", LASTS = 12 * 60 * 60 * 1000, PATIENCE = 5000;

self.addEventListener("install", function (event) { event.waitUntil(self.skipWaiting()); });
self.addEventListener("activate", function (event) {
  event.waitUntil(self.clients.claim());
});
self.addEventListener("message", function (event) {
  var asked = event.data;
  event.waitUntil(Promise.all([
    fetch(asked.page, { credentials: "same-origin" }).then(function (answer) { return keepPage(asked.page, answer); }),
    caches.open(NAME).then(function (cache) { return cache.addAll(asked.parts); }),
  ]).catch(function () { /* the network has gone in between: what was kept before stays */ }));
});
self.addEventListener("fetch", function (event) {
  if (event.request.method !== "GET") return;
  event.respondWith(event.request.mode === "navigate" ? page(event) : part(event.request));
});

// Style sheets and scripts: their addresses change with their content, so a kept one is as good as a fresh one.
function part(request) {
  return caches.open(NAME)
    .then(function (cache) { return cache.match(request); })
    .then(function (kept) { return kept || fetch(request); });
}

function page(event) {
  var asked = fetch(event.request).then(function (answer) {
    if (answer.status >= 500) throw new Error(answer.status);
    event.waitUntil(keepPage(event.request.url, answer.clone()));
    return answer;
  });
  var late = new Promise(function (_resolve, reject) { setTimeout(reject, PATIENCE); });
  return Promise.race([asked, late]).catch(function () {
    return copyOf(event.request).then(function (copy) { return copy || asked.catch(nothing); });
  });
}

// The page with the moment at which it was kept; led elsewhere or refused, this phone may not have it any more. A server in
// trouble, or one that has been asked too often, says nothing of that.
function keepPage(address, answer) {
  if (answer.redirected || [401, 403, 404, 410].includes(answer.status)) return caches.delete(NAME);
  if (!answer.ok) return Promise.resolve();
  return answer.text().then(function (html) {
    var headers = new Headers(answer.headers);
    headers.set("X-Kept-At", String(Date.now()));
    return caches.open(NAME).then(function (cache) { return cache.put(address, new Response(html, { headers: headers })); });
  });
}

function copyOf(request) {
  return caches.open(NAME).then(function (cache) {
    return cache.match(request)
      .then(function (found) { return found || cache.match(request, { ignoreSearch: true, ignoreVary: true }); })
      .then(function (found) {
        if (!found) return undefined;
        if (Date.now() - Number(found.headers.get("X-Kept-At")) > LASTS) return caches.delete(NAME).then(function () {});
        return found.text().then(function (html) {
          return new Response(html.replace(' id="copy" hidden', ' id="copy"'), { headers: found.headers });
        });
      });
  });
}

function nothing() {
  var html = '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>没有网络</title>' +
    '<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main><h1>没有网络</h1>' +
    '<p>这部手机上没有12小时以内的名单。请用打印的名单，或换到有网络的地方再打开。</p></main></body></html>';
  return new Response(html, { status: 503, headers: {
    "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  } });
}
