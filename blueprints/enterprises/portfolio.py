"""Enterprises as those see them who look after them (辖区企业): the list with what each lacks, one enterprise's file, the workbook."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from flask import request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from blueprints.enterprises import bp
from blueprints.enterprises.asked import CLOSED, FILTERS, LONGEST, query_of, wanted
from blueprints.enterprises.filing import story
from blueprints.enterprises.saved import LIST
from blueprints.web import filters, guard
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs, reach_key, within_reach
from blueprints.web.page import page
from blueprints.web.paging import paged
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import portfolio, posts
from models.access import Post
from models.base import db, local
from models.enterprises import Enterprise, Premises
from models.places import Street
from models.policy.schema import Policy
from models.portfolio import MOST, Basis, Lack, Line, Order, Wanted
from models.saved_filters import filters_of

EXPORT_ROWS = 20_000
COUNTED_UPTO = (
    2_000  # enterprises within reach: beyond, the numbers beside saved filters would cost more than the list
)
COLUMNS = (
    Column("企业", 36), Column("统一社会信用代码", 22), Column("在册人数", 10), Column("街道", 14), Column("社区", 14),
    Column("联络单位", 20), Column("所在场所", 36), Column("还差", 30),
)  # fmt: skip


@bp.get("/enterprises")
@needs("enterprise:oversee")
def index() -> ResponseReturnValue:
    """Every enterprise within reach, who lacks most first."""
    now, policy = site.now(), _policy()
    asked = wanted("enterprise:oversee")
    basis = Basis.of(db.session(), policy, local(now).date())
    reached = site.tallies.of(
        db.session(), asked.within, basis, local(now).date(), most=MOST, key=reach_key("enterprise:oversee")
    )
    total, most = portfolio.total(db.session(), asked, basis, reached)
    found = paged(portfolio.search(db.session(), asked, basis), most=most, total=total)
    streets = select(Street.id, Street.name).where(
        select(Enterprise.id).where(Enterprise.street_id == Street.id, asked.within).exists()
    )
    return page(
        "enterprises/index.html",
        partial="enterprises/_list.html",
        wanted=asked,
        query=query_of(asked),
        saved=_saved(asked, basis, counted=reached.total <= COUNTED_UPTO),
        paging=found,
        lines=portfolio.lines(db.session(), found.rows, policy, now),
        tally=reached,
        quick=[
            (None, "全部", reached.total),
            *((one, one.label, reached.lacking[one]) for one in Lack),
            (CLOSED, "已关闭", reached.closed),
        ],
        streets=db.session.execute(streets.order_by(Street.name)).all(),
        orders=list(Order),
        policy=policy,
        export_rows=EXPORT_ROWS,
        most=MOST,
        longest=LONGEST,
    )


def _saved(asked: Wanted, basis: Basis, *, counted: bool) -> list[tuple[str, str, int | None]]:
    """The person's own filters: name, query and, where it is cheap, how many each finds, all from one query."""
    kept = filters_of(db.session(), current_user.id, LIST, local(site.now()).date())
    numbers: Sequence[int | None] = [None] * len(kept)
    if kept and counted:
        each = [wanted("enterprise:oversee", MultiDict(parse_qsl(one.query))) for one in kept]
        numbers = portfolio.counts(db.session(), asked.within, each, basis)
    return [(one.name, one.query, number) for one, number in zip(kept, numbers, strict=True)]


@bp.get("/enterprises/<int:enterprise_id>/file")
@needs("enterprise:oversee", Enterprise)
def file(enterprise: Enterprise) -> ResponseReturnValue:
    """What is on file about an enterprise, and which health posts it owes by which rule."""
    now, policy = site.now(), _policy()
    (line,) = portfolio.lines(db.session(), [enterprise], policy, now)
    today, fillable = local(now).date(), _fillable(enterprise)
    return page(
        "enterprises/file.html",
        enterprise=enterprise,
        line=line,
        policy=policy,
        duty=line.duty,
        lines=line.posts,
        lacks=posts.lacks_of(db.session(), site.book, enterprise, today, line.posts),
        team=posts.team_of(db.session(), enterprise) if line.duty and line.duty.team else None,
        today=today,
        staff=line.staff,
        guides=[one for one in line.staff if one.post == Post.HEALTH_GUIDE],
        to_invite=[post for post in line.posts if post.missing and post.post in fillable],
        movable=_movable(enterprise),
        successor_seen=_reached(enterprise.merged_into_id),
        **story(enterprise),
    )


def _fillable(enterprise: Enterprise) -> list[Post]:
    """The posts that whoever looks may fill here."""
    if enterprise.closed_at is not None or not guard.can("post:fill"):
        return []
    return posts.fillable(db.session(), guard.serving(), enterprise)


def _movable(enterprise: Enterprise) -> set[int]:
    """Which of its seats whoever looks may move."""
    if enterprise.closed_at is not None or not guard.can("premises:move"):
        return set()
    mine = select(Premises.id).where(
        Premises.enterprise_id == enterprise.id, within_reach("premises:move", Premises)
    )
    return set(db.session.scalars(mine))


def _reached(enterprise_id: int | None) -> bool:
    if enterprise_id is None:
        return False
    found = select(Enterprise.id).where(
        Enterprise.id == enterprise_id, within_reach("enterprise:oversee", Enterprise)
    )
    return db.session.scalar(found) is not None


@bp.get("/enterprises/export")
@by_link
@needs("enterprise:export")
def export() -> ResponseReturnValue:
    """The listed enterprises as a workbook, logged and signed at the foot of each page (settled 3.6)."""
    return hand_out(_workbook, name=f"辖区企业-{local(site.now()):%Y%m%d}.xlsx")


def _workbook() -> bytes:
    now, policy = site.now(), _policy()
    asked = wanted("enterprise:export")
    basis = Basis.of(db.session(), policy, local(now).date())
    query = portfolio.search(db.session(), asked, basis).limit(EXPORT_ROWS + 1)
    rows: list[list[str]] = []
    for some in db.session.scalars(query.execution_options(yield_per=500)).partitions():
        rows += [_cells(line) for line in portfolio.lines(db.session(), some, policy, now)]
    return signed(
        f"辖区企业，{filters.full_day(now)}", COLUMNS, rows, tab="辖区企业", unit="家", most=EXPORT_ROWS,
        filters=[name for name in FILTERS if request.args.get(name)],
    )  # fmt: skip


def _cells(line: Line) -> list[str]:
    one = line.enterprise
    seats = "；".join(f"{seat.place.name}{seat.room and ' '}{seat.room}" for seat in line.premises)
    lacks = "；".join(f"{post.label}{post.missing}名" for post in line.posts if post.missing)
    if one.closed_on is not None:
        lacks = f"已关闭（{filters.full_day(one.closed_on)}）"
    elif line.duty is None:
        lacks = "人数未填，无法判断"
    heads = str(one.headcount) if one.headcount else ""
    return [one.name, one.credit_code, heads, line.street, line.community, line.unit, seats, lacks]


def _policy() -> Policy | None:
    return policy_on(current_user.district_id, local(site.now()).date())
