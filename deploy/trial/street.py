"""Visitors of the trial, on a host of their own: each fills in one form and sends it until somebody answers.

Who gets no answer from one host turns to the other with the same form, as a phone does that knows two addresses. Prints a line
of JSON for each visitor: the nonce of the form, the pass, the statuses seen (0: no answer), and the longest wait.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import sys
import threading
import time
from urllib.parse import urlencode

PATIENCE = 6.0  # seconds for one attempt: a person tries again sooner than a system gives up
ATTEMPTS = 8

_tls = ssl.create_default_context()
_tls.check_hostname, _tls.verify_mode = False, ssl.CERT_NONE
_say = threading.Lock()


def ask(host: str, method: str, path: str, typed: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, Location and text of one request on a connection of its own."""
    line = http.client.HTTPSConnection(host, timeout=PATIENCE, context=_tls)
    try:
        head = {"Content-Type": "application/x-www-form-urlencoded"} if typed else {}
        line.request(method, path, urlencode(typed) if typed else None, head)
        answer = line.getresponse()
        return answer.status, answer.headers.get("Location", ""), answer.read().decode("utf-8", "replace")
    finally:
        line.close()


def persist(hosts: list[str], first: int, wanted: int, *request) -> tuple[str, str, list[int], float]:
    """Asks one host, then the other, until the wanted status comes; Location, text, statuses, the longest wait."""
    longest, seen = 0.0, []
    for attempt in range(ATTEMPTS):
        begun = time.monotonic()
        try:
            status, where, text = ask(hosts[(first + attempt) % len(hosts)], *request)
        except (OSError, http.client.HTTPException):
            status, where, text = 0, "", ""
        longest = max(longest, time.monotonic() - begun)
        seen.append(status)
        if status == wanted:
            return where, text, seen, longest
        time.sleep(0.3)
    return "", "", seen, longest


def visit(number: int, hosts: list[str], code: str) -> dict:
    _, page, seen, wait = persist(hosts, number, 200, "GET", f"/g/{code}")
    found = re.search(r'name="nonce" value="([^"]+)"', page)
    said = {
        "number": number,
        "nonce": found[1] if found else "",
        "pass": "",
        "seen": [seen],
        "wait": wait,
        "shown": False,
    }
    if found:
        typed = {
            "name": "欧阳春",
            "mobile": f"137{number:08}",
            "temperature": "36.5",
            "mask": "yes",
            "nonce": found[1],
        }
        said["pass"], _, seen, wait = persist(hosts, number, 303, "POST", f"/g/{code}", typed)
        said["wait"] = max(said["wait"], wait)
        said["seen"].append(seen)
    if said["pass"]:
        _, page, seen, wait = persist(hosts, number, 200, "GET", said["pass"])
        said["shown"], said["wait"] = "通行" in page, max(said["wait"], wait)
        said["seen"].append(seen)
    return said


def main(code: str, seconds: float, per_second: float, hosts: list[str]) -> None:
    """An even stream of visitors for so long, whatever becomes of the ones before."""
    begun, people = time.monotonic(), []

    def come(number: int) -> None:
        said = visit(number, hosts, code)
        with _say:
            print(json.dumps(said), flush=True)

    for number in range(int(seconds * per_second)):
        time.sleep(max(begun + number / per_second - time.monotonic(), 0))
        people.append(threading.Thread(target=come, args=(number,)))
        people[-1].start()
    for one in people:
        one.join()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
