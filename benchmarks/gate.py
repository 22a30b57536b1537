"""The gate's GET and POST beside their floors. The bars are printed; only the page's weight fails."""

from __future__ import annotations

import gzip
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from flask import Flask

from app import create_app
from benchmarks import minimal_app, visitors
from benchmarks.databases import Database, database
from benchmarks.load import get
from benchmarks.report import Bar, Report
from benchmarks.rounds import Round, Subject, alternate, ratio
from benchmarks.servers import Server, serving
from models import schema
from models.access import Post
from models.accounts import Account, LoginSession
from models.base import db
from models.vault import Vault
from tests import make
from tests.processes import folder

WIRE_LIMIT = 15 * 1024
POST_SHARE = 0.70  # of the minimal app, by CPU and by requests a second
GET_TIMES = 1.25  # the bare page's CPU


@dataclass(frozen=True)
class GateSite:
    """The site under measurement, over a database with one open gate."""

    server: Server
    vault: Vault
    gate_id: int
    path: str
    names: tuple[str, str]  # place and gate, as its page shows them
    place_id: int
    place_ids: tuple[int, ...]  # with its buildings
    district_id: int
    cookie: str  # of a specialist of the place, signed in
    guard: str  # and of a guard


def run(report: Report, kind: str, parts: Collection[str], rounds: int, seconds: float) -> None:
    if not {"page", "check-in"} & set(parts):
        return
    with folder("cho-bench-") as home, database(kind, home) as where, gate_site(where, home) as site:
        if "page" in parts:
            weigh(report, site)
            page(report, site, home, rounds, seconds)
        if "check-in" in parts:
            check_in(report, site, where, home, rounds, seconds)


@contextmanager
def gate_site(where: Database, home: Path, *, workers: int = 1, pinned: bool = True) -> Iterator[GateSite]:
    """The site as `make run` starts it, with one gate that is open day and night."""
    instance = home / "instance"
    app = create_app(env="demo", database_url=where.site_url, instance=str(instance))
    with app.app_context():
        schema.upgrade(db.engine)
        town = make.town(datetime.now(UTC))
        town.park.opens = town.park.closes = None
        db.session.commit()
        code = town.gate.code
        assert code is not None
        facts = {
            "vault": app.extensions["site"].vault,
            "gate_id": town.gate.id,
            "path": f"/g/{code.code}",
            "names": (town.park.name, town.gate.name),
            "place_id": town.park.id,
            "place_ids": (town.park.id, town.building.id),
            "district_id": town.district.id,
            "cookie": signed_in(app, town.officer(Post.SPECIALIST)),
            "guard": signed_in(app, town.officer(Post.GATE_GUARD)),
        }
        db.session.remove()
        db.engine.dispose()
    environment = {"SITE_ENV": "demo", "SITE_DATABASE_URL": where.site_url, "SITE_INSTANCE": str(instance)}
    with serving("app:create_app()", home, environment, workers=workers, pinned=pinned) as server:
        yield GateSite(server, **facts)


def weigh(report: Report, site: GateSite) -> None:
    """All that a phone fetches for the gate page: html, styles, icon, whatever it names; compressed as nginx does."""
    status, head, html = _fetch(site, site.path)
    assert status == 200, status
    parts = {"html": _wire(head, html)}
    for path in dict.fromkeys(re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"', html.decode())):
        if not path.startswith("/"):
            raise RuntimeError(f"入口页用到了别处的文件：{path}")
        status, head, body = _fetch(site, path)
        assert status == 200, f"{path} {status}"
        parts[path.partition("?")[0].rpartition("/")[2]] = _wire(head, body)
    total = sum(parts.values())
    report.note(
        "入口页一共："
        + "，".join(f"{name} {size}" for name, size in parts.items())
        + " 字节（gzip，含响应头）"
    )
    report.bar(
        Bar("入口页压缩后", f"≤ {WIRE_LIMIT} 字节", f"{total} 字节", total <= WIRE_LIMIT, binding=True)
    )


def page(report: Report, site: GateSite, home: Path, rounds: int, seconds: float) -> None:
    """The gate page beside a bare page of the same text."""
    template = home / "page.html"
    template.write_text(_as_template(_fetch(site, site.path)[2].decode(), site), encoding="utf-8")
    with serving("benchmarks.bare_page:create_app()", home, {"PAGE_TEMPLATE": str(template)}) as server:
        ours = Subject("入口页 GET", site.server, visitors.gets(site.path), 200)
        floor = Subject("　裸页面", server, visitors.gets("/page/2"), 200)
        report.note(f"{ours.name}：{alternate(ours, floor, rounds, seconds)}")
        report.pair(ours, floor)
        cpu = ratio(ours, floor, lambda r: r.cpu_ms)
        report.bar(Bar("入口页 CPU", f"≤ {GET_TIMES} 倍裸页面", cpu, cpu.middle <= GET_TIMES))


def check_in(
    report: Report, site: GateSite, where: Database, home: Path, rounds: int, seconds: float
) -> None:
    """A check-in beside the minimal app's, on the same database server."""
    key = secrets.token_urlsafe(32)
    environment = {"MINIMAL_DATABASE": where.minimal, "MINIMAL_KEY": key}
    with serving("benchmarks.minimal_app:create_app()", home, environment) as server:
        get(server.port, visitors.gets("/g/1")(1)[0])  # its table is there now
        ours = Subject(
            f"登记 POST，{where.name}", site.server,
            visitors.posts(site.path, "nonce", visitors.form_nonce(site.vault, site.gate_id)),
            303, where.rows("check_in"), where.pid,
        )  # fmt: skip
        floor = Subject(
            "　最小应用", server, visitors.posts("/g/1", "csrf_token", visitors.csrf_token(minimal_app.signer(key))),
            303, where.rows("entry"), where.pid,
        )  # fmt: skip
        report.note(f"{ours.name}：{alternate(ours, floor, rounds, seconds)}")
        report.pair(ours, floor)
        for words, figure in (("CPU", lambda r: 1 / r.cpu_ms), ("每秒", _per_second)):
            share = ratio(ours, floor, figure)
            title = f"登记 {words}，{where.name}"
            report.bar(Bar(title, f"≥ {POST_SHARE:.2f} 的最小应用", share, share.middle >= POST_SHARE))


def signed_in(app: Flask, person: Account) -> str:
    """The session cookie of somebody who has signed in."""
    login, token = LoginSession.start(person, now=datetime.now(UTC), address="127.0.0.1", device="bench")
    make.save(login)
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"{app.config['SESSION_COOKIE_NAME']}={signer.dumps({'_user_id': token, '_fresh': True})}"


def _per_second(one: Round) -> float:
    return one.per_second


def _fetch(site: GateSite, path: str) -> tuple[int, bytes, bytes]:
    return get(site.server.port, visitors.gets(path)(1)[0])


def _wire(head: bytes, body: bytes) -> int:
    return len(head) + 4 + len(gzip.compress(body, 6))


def _as_template(html: str, site: GateSite) -> str:
    """The page as a template: its own text with place, gate and nonce as variables."""
    text = "{% raw %}" + html + "{% endraw %}"
    token = re.search(r'name="nonce" value="([^"]+)"', html)
    assert token is not None
    for found, name in ((site.names[0], "place"), (token[1], "token")):
        text = text.replace(escape(found), "{% endraw %}{{ " + name + " }}{% raw %}")
    return text
