"""The manager's page of addresses (填报链接): the enterprise's poster, everybody's own link on slips by department, renewing."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from wtforms import HiddenField

from blueprints.health import bp
from blueprints.health.papers import Slip, poster_pdf, slips_pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import commit, needs, seen
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.qr import page_address, square
from blueprints.web.site import site
from models.archive import Employee, Team
from models.base import db, local
from models.enterprises import Enterprise
from models.health_entries import expected_on, people_of
from models.health_links import LinkKind, numbers_of, renew, token
from models.places import District

PATHS = {LinkKind.PERSON: "/h/", LinkKind.TEAM: "/t/", LinkKind.ENTERPRISE: "/e/"}
SHEET = 100  # slips in one file
ON_A_SHEET = 10
ON_A_PAGE = 20


class RenewForm(FlaskForm):
    """Whose link is renewed. `number` is how often it was before: a double click renews once."""

    kind = HiddenField()
    subject = HiddenField()
    number = HiddenField()


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the page shows it."""

    address: str
    number: int  # how often it was renewed


@dataclass(frozen=True, slots=True)
class Sheet:
    """The slips of a department that go into one file: people `first` to `last`."""

    department: str
    part: int
    first: int
    last: int
    only: bool


def slug_of(enterprise: Enterprise) -> str:
    return db.session.get_one(District, enterprise.district_id).slug


def links_of(enterprise: Enterprise, kind: LinkKind, ids: list[int]) -> dict[int, Link]:
    """The addresses of these people or teams in use; one query."""
    numbers, slug = numbers_of(db.session(), kind, ids), slug_of(enterprise)
    return {
        i: Link(
            page_address(PATHS[kind] + token(site.vault, kind, i, numbers.get(i, 0)), slug), numbers.get(i, 0)
        )
        for i in ids
    }


@bp.get("/enterprises/<int:enterprise_id>/health/links")
@needs("health:manage", Enterprise)
def links(enterprise: Enterprise) -> ResponseReturnValue:
    """The enterprise's code, slips by department, one person's link to copy or renew, the links of the teams."""
    session, today = db.session(), local(site.now()).date()
    text = request.args.get("q", "").strip()[:60]
    found = paged(people_of(session, enterprise.id, today, text=text), size=ON_A_PAGE, scalars=False)
    people = [employee for employee, _entry in found.rows]
    teams = session.scalars(
        select(Team).where(Team.enterprise_id == enterprise.id, Team.closed_at.is_(None)).order_by(Team.name)
    ).all()
    own = links_of(enterprise, LinkKind.ENTERPRISE, [enterprise.id])[enterprise.id]
    return page(
        "health/links.html", enterprise=enterprise, own=own, square=square(own.address), q=text, paging=found,
        people=people, personal=links_of(enterprise, LinkKind.PERSON, [one.id for one in people]), teams=teams,
        of_team=links_of(enterprise, LinkKind.TEAM, [one.id for one in teams]), sheets=_sheets(enterprise), form=RenewForm(),
    )  # fmt: skip


def _sheets(enterprise: Enterprise) -> list[Sheet]:
    """Departments with their people, cut into files that a printer and this server take."""
    rows = db.session.execute(
        select(Employee.department, func.count())
        .where(expected_on(db.session(), enterprise.id, local(site.now()).date()))
        .group_by(Employee.department)
        .order_by(Employee.department)
    )
    return [
        Sheet(department, part, part * SHEET + 1, min(part * SHEET + SHEET, number), number <= SHEET)
        for department, number in rows
        for part in range(-(-number // SHEET))
    ]


@bp.post("/enterprises/<int:enterprise_id>/health/links/renew")
@needs("health:manage", Enterprise)
def renew_link(enterprise: Enterprise) -> ResponseReturnValue:
    """The link in use opens nothing any more; the page shows the new one."""
    form = RenewForm()
    kind = next((one for one in LinkKind if one == form.kind.data), None)
    subject = form.subject.data or ""
    if (
        not form.validate()
        or kind is None
        or not (subject.isascii() and subject.isdigit() and len(subject) < 10)
    ):
        abort(400)
    number = int(subject)
    if not _belongs(enterprise, kind, number):
        abort(404)
    before = numbers_of(db.session(), kind, [number]).get(number, 0)
    if form.number.data == str(before):
        renew(db.session(), kind, number, now=site.now(), by_id=current_user.id)
        commit(kind=kind.value, subject=number)
    flash(f"{kind.label}已换新，原来的打不开了，请把新的发出去")
    return done(url_for("health.links", enterprise_id=enterprise.id, q=request.args.get("q") or None))


def _belongs(enterprise: Enterprise, kind: LinkKind, number: int) -> bool:
    if kind == LinkKind.ENTERPRISE:
        return number == enterprise.id
    model = Employee if kind == LinkKind.PERSON else Team
    found = select(model.id).where(model.id == number, model.enterprise_id == enterprise.id)
    return db.session.scalar(found) is not None


@bp.get("/enterprises/<int:enterprise_id>/health/poster.pdf")
@by_link
@needs("health:manage", Enterprise)
def poster(enterprise: Enterprise) -> ResponseReturnValue:
    """The code to hang up, A4."""
    link = links_of(enterprise, LinkKind.ENTERPRISE, [enterprise.id])[enterprise.id]
    district = db.session.get_one(District, enterprise.district_id)
    return hand_out(
        lambda: poster_pdf(enterprise, district, link.address),
        name=f"每日健康二维码_{enterprise.short_name or enterprise.id}.pdf",
    )


@bp.get("/enterprises/<int:enterprise_id>/health/slips.pdf")
@by_link
@needs("health:manage", Enterprise)
def slips(enterprise: Enterprise) -> ResponseReturnValue:
    """Everybody's own code of one department, to cut apart and hand out."""
    department, part = request.args.get("department", ""), request.args.get("part", 0, type=int)
    people = db.session.scalars(
        select(Employee)
        .where(
            expected_on(db.session(), enterprise.id, local(site.now()).date()),
            Employee.department == department,
        )
        .order_by(Employee.name, Employee.id)
        .limit(SHEET)
        .offset(max(part, 0) * SHEET)
    ).all()
    if not people:
        abort(404)
    personal = links_of(enterprise, LinkKind.PERSON, [one.id for one in people])
    cards = [Slip(one.name, one.number, square(personal[one.id].address)) for one in people]
    seen(slips=len(people), part=part)
    return hand_out(
        lambda: slips_pdf(
            enterprise, department, [cards[n : n + ON_A_SHEET] for n in range(0, len(cards), ON_A_SHEET)]
        ),
        name=f"个人填报码_{department or '未分部门'}_{part + 1}.pdf",
    )
