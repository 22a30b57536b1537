"""Visitors of a benchmark (访客): each with a name, a mobile and a form of their own, on a new phone, in a phone's words."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

from blueprints.gate import nonce
from models.policy.schema import Mode
from models.vault import Vault

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"
GIVEN = "安宁明远佳怡文博雨桐子涵若溪思源景行知夏怀瑾嘉木"
PHONE = (
    "Host: 127.0.0.1\r\n"
    "User-Agent: Mozilla/5.0 (Linux; Android 13; V2166A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.47\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: zh-CN,zh;q=0.9\r\n"
    "Accept-Encoding: identity\r\n"
)

_people = itertools.count()


def person() -> dict[str, str]:
    """The next visitor's answers: no two share a name or a mobile."""
    number = next(_people)
    rest, first = divmod(number, len(SURNAMES))
    rest, second = divmod(rest, len(GIVEN))
    rest, third = divmod(rest, len(GIVEN))
    name = SURNAMES[first] + GIVEN[second] + GIVEN[third] + (f"·{GIVEN[rest % len(GIVEN)]}" if rest else "")
    return {
        "name": name,
        "mobile": f"139{number:08}",
        "temperature": f"36.{number % 8}",
        "mask": "yes",
        "enterprise": "青禾生物",
    }


def gets(path: str, more: str = "") -> Callable[[int], list[bytes]]:
    """The same request again and again; `more` are further lines of its head."""
    request = f"GET {path} HTTP/1.1\r\n{PHONE}{more}\r\n".encode()
    return lambda count: [request] * count


def posts(path: str, field: str, token: Callable[[], str]) -> Callable[[int], list[bytes]]:
    """Check-ins, each with a `token` of its own in `field`."""

    def post() -> bytes:
        body = urlencode(person() | {field: token()})
        head = f"POST {path} HTTP/1.1\r\n{PHONE}Content-Type: application/x-www-form-urlencoded\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    return lambda count: [post() for _ in range(count)]


def form_nonce(vault: Vault, gate_id: int) -> Callable[[], str]:
    """Nonces as the gate page hands them out, under the running site's own keys."""
    return lambda: nonce.issue(vault, gate_id, Mode.NORMAL, datetime.now(UTC))


def csrf_token(signer: object) -> Callable[[], str]:
    return lambda: signer.dumps(secrets.token_hex(16))  # type: ignore[attr-defined]
