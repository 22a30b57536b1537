"""The roster of a place and the contact table of its enterprises' health staff (花名册、联系人表): searched, paged, taken out."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request
from flask.typing import ResponseReturnValue

from blueprints.contacts import bp
from blueprints.contacts.asked import FILTERS, LONGEST, ground_of, one_of, wanted, words
from blueprints.web import filters, guard
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs
from blueprints.web.page import page
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import roster as rosters
from models.access import Post
from models.base import db, local
from models.masks import mask_mobile
from models.places import Place
from models.portfolio import Lack

EXPORT_ROWS = 20_000
ROSTER = (
    Column("企业", 36), Column("统一社会信用代码", 22), Column("位置", 34), Column("在册人数", 10),
    Column("健康岗位在任", 30), Column("还差", 26), Column("最近联络", 22), Column("之后的通知", 14), Column("约定下次", 14),
)  # fmt: skip
PEOPLE = (
    Column("企业", 36), Column("房间", 16), Column("岗位", 14), Column("姓名", 14), Column("手机", 16), Column("任职起", 14)
)  # fmt: skip


@bp.get("/places/<int:place_id>/roster")
@needs("roster:see", Place)
def roster(place: Place) -> ResponseReturnValue:
    """Every enterprise here, who was not contacted for longest first."""
    ground, asked = ground_of(place, "roster:see"), wanted()
    tally, found = rosters.tally(db.session(), ground), paged(rosters.search(db.session(), ground, asked))
    return page(
        "contacts/roster.html", place=place, ground=ground, wanted=asked, tally=tally, paging=found,
        lines=rosters.lines(db.session(), ground, found.rows),
        quick=[("", "全部", tally.total)] + [(one.value, _words(one), tally.of[one]) for one in (*rosters.Show, *Lack)],
        orders=list(rosters.Order), longest=LONGEST, export_rows=EXPORT_ROWS,
    )  # fmt: skip


def _words(one: Lack | rosters.Show) -> str:
    return f"{site.settings.contact_days}天没联络" if one is rosters.Show.QUIET else one.label


@bp.get("/places/<int:place_id>/roster/export")
@by_link
@needs("roster:export", Place)
def export(place: Place) -> ResponseReturnValue:
    """The listed enterprises as a workbook, logged and signed at the foot of each page (settled 3.6)."""
    return hand_out(lambda: _roster_book(place), name=_file("花名册", place))


def _roster_book(place: Place) -> bytes:
    ground = ground_of(place, "roster:export")
    query = rosters.search(db.session(), ground, wanted()).limit(EXPORT_ROWS + 1)
    rows: list[list[str]] = []
    for some in db.session.scalars(query.execution_options(yield_per=500)).partitions():
        rows += [_cells(line) for line in rosters.lines(db.session(), ground, some)]
    return _book(place, "花名册", ROSTER, rows, "家")


@bp.get("/places/<int:place_id>/contact-people")
@needs("roster:see", Place)
def people(place: Place) -> ResponseReturnValue:
    """Whom to call at which enterprise; numbers are masked until somebody says why."""
    ground, text, post = ground_of(place, "roster:see"), words(), _post()
    found = paged(rosters.staff(ground, text, post), scalars=False)
    if rosters.is_mobile(text):  # who searches a number learns whose it is
        guard.seen(search="mobile", found=found.total)
    return page(
        "contacts/people.html", place=place, paging=found, text=text, post=post, posts=rosters.HEALTH_POSTS,
        without=rosters.without_staff(db.session(), ground), longest=LONGEST,
    )  # fmt: skip


@bp.get("/places/<int:place_id>/contact-people/export")
@by_link
@needs("roster:export", Place)
def export_people(place: Place) -> ResponseReturnValue:
    """The contact table as a workbook, numbers masked, logged."""
    return hand_out(lambda: _people_book(place), name=_file("联系人表", place))


def _people_book(place: Place) -> bytes:
    query = rosters.staff(ground_of(place, "roster:export"), words(), _post()).limit(EXPORT_ROWS + 1)
    rows = [
        [firm.name, room or "", held.post.label, person.name, mask_mobile(person.mobile or ""), filters.full_day(held.starts_on)]
        for held, person, firm, room in db.session.execute(query)
    ]  # fmt: skip
    return _book(place, "联系人表", PEOPLE, rows, "人")


def _post() -> Post | None:
    return one_of(rosters.HEALTH_POSTS, request.args.get("post"))


def _file(what: str, place: Place) -> str:
    return f"{what}-{place.name}-{local(site.now()):%Y%m%d}.xlsx"


def _book(place: Place, what: str, columns: Sequence[Column], rows: list[list[str]], unit: str) -> bytes:
    chosen = [name for name in (*FILTERS, "post") if request.args.get(name)]
    title = f"{place.name}{what}，{filters.full_day(site.now())}"
    return signed(title, columns, rows, tab=what, unit=unit, most=EXPORT_ROWS, what=what, filters=chosen)


def _cells(line: rosters.Line) -> list[str]:
    one, posts = line.enterprise, line.of.posts
    seats = "；".join(f"{seat.place.name}{seat.room and ' '}{seat.room}" for seat in line.seats)
    held = "；".join(f"{a.post.label}{a.account.name}" for a in line.of.staff)
    lacks = "；".join(f"{post.label}{post.missing}名" for post in posts if post.missing)
    if line.of.duty is None:
        lacks = "人数未填，无法判断" if not one.headcount else ""
    reached, notice, next_on = line.latest.contact, line.latest.notice, line.latest.next_on
    last = f"{filters.full_day(reached.at)}{reached.way.label}" if reached else "没有联络过"
    told = filters.full_day(notice.at) if notice else ""
    due = filters.full_day(next_on) if next_on else ""
    return [one.name, one.credit_code, seats, str(one.headcount or ""), held, lacks, last, told, due]
