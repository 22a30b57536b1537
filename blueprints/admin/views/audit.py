"""The audit administrator's book (审计): read, filtered, exported, and its chain verified. Nobody changes it."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, or_, select

from blueprints.admin import bp
from blueprints.admin.forms import AuditFilter
from blueprints.admin.words import OBJECTS, OWN, action_words, detail_words, object_words, post_words
from blueprints.web import guard
from blueprints.web.downloads import TICKET, by_link, hand_out
from blueprints.web.filters import full_day
from blueprints.web.guard import needs, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import audit as chain
from models.access import ACTION_LABELS
from models.audit import AuditLine, Result
from models.base import SHANGHAI, db, local

CHECKED = 2000  # lines verified each time the page is opened; all of them on demand
EXPORTED = 50_000
COLUMNS = (
    Column("编号", 8), Column("时间", 22), Column("姓名", 12), Column("岗位", 16), Column("网络地址", 16), Column("做了什么", 22),
    Column("动作代码", 22), Column("对象", 18), Column("结果", 8), Column("详情", 50), Column("请求编号", 18), Column("摘要", 20),
)  # fmt: skip


@bp.get("/admin/audit")
@needs("audit:read")
def audit() -> ResponseReturnValue:
    """Newest first. Beside it, whether the chain holds."""
    form = AuditFilter(request.args)
    form.validate()
    number, mark = chain.head(db.session())
    first = max(number - CHECKED, 0)
    return page(
        "admin/audit.html", partial="admin/_audit.html", asked=form, paging=paged(_found(form).order_by(AuditLine.id.desc())),
        actions=list((OWN | ACTION_LABELS).items()), objects=list(OBJECTS.items()),
        results=list(Result), number=number, mark=mark, checked_from=first + 1,
        broken=next(chain.broken_links(db.session(), after=first), None),
        action_words=action_words, object_words=object_words, detail_words=_details, post_words=post_words,
    )  # fmt: skip


def _mine() -> Any:
    """The lines of the district, and those that belong to no district: nobody was signed in yet."""
    return or_(within_reach("audit:read", AuditLine), AuditLine.district_id.is_(None))


def _found(form: AuditFilter) -> Select[tuple[AuditLine]]:
    asked = {
        name: request.args.get(name, "").strip()
        for name in ("person", "action", "result", "object", "number")
    }
    found = select(AuditLine).where(_mine())
    if form.since.data and not form.since.errors:
        found = found.where(AuditLine.at >= datetime.combine(form.since.data, time(), SHANGHAI))
    if form.until.data and not form.until.errors:
        found = found.where(
            AuditLine.at < datetime.combine(form.until.data + timedelta(days=1), time(), SHANGHAI)
        )
    if asked["person"]:
        found = found.where(AuditLine.account_name.contains(asked["person"], autoescape=True))
    if asked["action"]:
        found = found.where(AuditLine.action == asked["action"])
    if asked["result"] in set(Result):
        found = found.where(AuditLine.result == Result(asked["result"]))
    if asked["object"]:
        found = found.where(AuditLine.object_type == asked["object"])
    if asked["number"]:
        found = found.where(AuditLine.object_id == asked["number"])
    return found


def _details(line: AuditLine) -> list[tuple[str, str]]:
    return detail_words(json.loads(line.details)) if line.details else []


@bp.get("/admin/audit/export.xlsx")
@by_link
@needs("audit:read")
def audit_export() -> ResponseReturnValue:
    """What the filters leave, newest first, as a workbook that says who took it out."""
    form = AuditFilter(request.args)
    form.validate()
    query = _found(form).order_by(AuditLine.id.desc()).limit(EXPORTED)

    def make() -> bytes:
        lines = [_row(line) for line in db.session.scalars(query)]
        chosen = {k: v for k, v in request.args.items() if v and k != TICKET}
        return signed("审计记录", COLUMNS, lines, tab="审计记录", unit="行", filters=chosen)

    return hand_out(make, name=f"审计记录{full_day(site.now())}.xlsx")


def _row(line: AuditLine) -> list[str]:
    at = local(line.at)
    return [
        str(line.id), f"{at:%Y-%m-%d %H:%M:%S}{at:%z}", line.account_name, post_words(line.post), line.address,
        action_words(line.action), line.action, f"{object_words(line.object_type)}{line.object_id}", line.result.label,
        "；".join(f"{name}：{value}" for name, value in _details(line)), line.request_id, line.hash.hex()[:16],
    ]  # fmt: skip


@bp.post("/admin/audit/verify")
@needs("audit:read")
def verify_audit() -> ResponseReturnValue:
    """The whole chain, from the first line. That it was verified is a line too."""
    db.session.rollback()  # reading may take a while: nobody waits for it
    broken = list(chain.broken_links(db.session()))
    number, mark = chain.head(db.session())
    guard.log("audit:read", Result.SEEN, {"verified": number, "broken": broken[:20], "mark": mark})
    if broken:
        flash(
            f"第{'、'.join(map(str, broken[:5]))}行对不上：它或上一行被改过，或中间缺行。请立即报告。", "warn"
        )
    else:
        flash(f"从第1行到第{number}行都核对过，审计链完整。末行摘要{mark}。", "ok")
    return done(url_for("admin.audit"))
