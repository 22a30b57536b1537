"""Factories (测试数据): rows with sensible values; a test names only what it is about."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any

from flask import current_app
from flask.testing import FlaskClient

from models import passwords
from models.access import SCOPES, Post
from models.accounts import Account, Appointment, LoginSession
from models.archive import Employee
from models.base import db, local
from models.closures import Closure
from models.cluster_alerts import AlertState, ClusterAlert
from models.clusters import ClusterReport, Facts, Signal
from models.enterprises import Enterprise, Premises
from models.follow_ups import FollowUp
from models.gate import CheckIn, Kind, MeasuredBy
from models.health_entries import EntrySource, HealthEntry, Report, work_day_of, write
from models.judging import Verdict
from models.letter_text import Facts as LetterFacts
from models.letter_text import Party
from models.letters import Letter, LetterCounter
from models.places import Adoption, Clinic, Community, District, Gate, Place, PlaceKind, Street, Unit
from models.policy.schema import Mode
from models.signatures import Capacity, LetterSigner
from models.watch import Fault, FaultKind

SCHEME = "chengdu-hitech/2022-03-23"
LATER_SCHEME = "chengdu-hitech/2024-02-01"
PASSWORD = "Yunxi-2026-gate"

_numbers = itertools.count(1)


def save(*rows: Any) -> Any:
    db.session.add_all(rows)
    db.session.commit()
    return rows[0]


def district(name: str = "云溪高新区", slug: str = "yunxi", **facts: Any) -> District:
    return save(
        District(name=name, slug=slug, organiser=f"{name}健康管理专班", hotline="0000-0000123",
                 hotline_hours="08:00–22:00", **facts)
    )  # fmt: skip


def adopt(
    place: District, scheme_key: str = SCHEME, from_on: date = date(2022, 4, 1), now: datetime | None = None
) -> Adoption:
    book = current_app.extensions["site"].book
    return save(
        Adoption(district_id=place.id, scheme_key=scheme_key, digest=book.get(scheme_key).digest, from_on=from_on,
                 adopted_at=now or current_app.extensions["site"].now())
    )  # fmt: skip


def place(
    street: Street, name: str = "云溪软件园B区", kind: PlaceKind = PlaceKind.PARK, **facts: Any
) -> Place:
    facts = {"address": "锦书路18号", "phone": "0000-0000128", "opens": time(6), "closes": time(22)} | facts
    return save(Place(district_id=street.district_id, street_id=street.id, name=name, kind=kind, **facts))


def gate(where: Place, name: str = "东门2号口", code: str | None = None, **facts: Any) -> Gate:
    row = save(Gate(place_id=where.id, name=name, **facts))
    row.issue_code(now=current_app.extensions["site"].now(), by_id=None, code=code)
    db.session.commit()
    return row


def enterprise(
    street: Street, name: str = "云溪青禾生物科技股份有限公司", at: Place | None = None, **facts: Any
) -> Enterprise:
    facts = {"short_name": "青禾生物", "initials": "qhsw", "headcount": 112,
             "credit_code": f"91510100MA{next(_numbers):08}"} | facts  # fmt: skip
    room = facts.pop("room", "3号楼5层")
    row = save(Enterprise(district_id=street.district_id, street_id=street.id, name=name, **facts))
    if at is not None:
        save(
            Premises(
                enterprise_id=row.id, place_id=at.id, room=room, from_at=current_app.extensions["site"].now()
            )
        )
    return row


@cache
def _digest() -> str:
    """Hashed once in a process: slow on purpose, and most tests have several people."""
    return passwords.hash_password(PASSWORD)


def account(home: District, post: Post | None = None, scope_id: int | None = None, **facts: Any) -> Account:
    """A person who can sign in with PASSWORD; with `post` appointed to it for a year around today."""
    number = next(_numbers)
    facts = {"username": f"p{number}", "name": f"许安{number}"} | facts
    now = current_app.extensions["site"].now()
    row = Account(
        district_id=home.id,
        password_hash=_digest(),
        password_set_at=now,
        created_at=now,
        **facts,
    )
    db.session.add(row)
    db.session.flush()
    if post is not None:
        appoint(row, post, home.id if scope_id is None else scope_id)
    db.session.commit()
    return row


def appoint(person: Account, post: Post, scope_id: int) -> Appointment:
    now = current_app.extensions["site"].now()
    row = Appointment(account_id=person.id, post=post, scope=SCOPES[post], scope_id=scope_id,
                      starts_on=date(2026, 1, 1), ends_on=date(2027, 3, 31), appointed_at=now)  # fmt: skip
    return save(row)


def sign_in(client: FlaskClient, person: Account) -> FlaskClient:
    """Signs in without the form: a session on the server and its cookie. (The form has its own tests.)"""
    now = current_app.extensions["site"].now()
    login, token = LoginSession.start(person, now=now, address="127.0.0.1", device="测试")
    save(login)
    with client.session_transaction() as session:
        session["_user_id"] = token
        session["_fresh"] = True
    return client


@dataclass
class Town:
    district: District
    street: Street
    community: Community
    unit: Unit
    park: Place
    building: Place
    other: Place
    gate: Gate
    north: Gate
    other_gate: Gate
    tenant: Enterprise

    def officer(self, post: Post, **facts: Any) -> Account:
        """Somebody in this post, for the park, its tenant, its unit or the district, as the post's scope asks."""
        scope = {"place": self.park, "enterprise": self.tenant, "unit": self.unit, "community": self.community,
                 "district": self.district}[SCOPES[post]]  # fmt: skip
        return account(self.district, post, scope.id, **facts)


def town(now: datetime) -> Town:
    home = district()
    adopt(home)
    street = save(Street(district_id=home.id, name="桂湖街道"))
    community = save(Community(street_id=street.id, name="锦书社区"))
    unit = save(Unit(district_id=home.id, name="区经济和信息化局"))
    save(
        Clinic(
            district_id=home.id,
            name="桂湖社区卫生服务中心",
            address="锦书路60号",
            phone="0000-0000120",
            hours="24小时",
        )
    )
    park = place(street, community_id=community.id, unit_id=unit.id)
    building = place(
        street, "云溪软件园B区3号楼", PlaceKind.BUILDING, parent_id=park.id, community_id=community.id
    )
    other = place(street, "锦程国际中心", PlaceKind.BUILDING)
    return Town(
        district=home, street=street, community=community, unit=unit, park=park, building=building, other=other,
        gate=gate(park), north=gate(park, "北门"), other_gate=gate(other, "正门"),
        tenant=enterprise(street, at=park, unit_id=unit.id, community_id=community.id),
    )  # fmt: skip


def check_in(where: Gate, at: datetime, **facts: Any) -> CheckIn:
    """A row of the gate as `models.register` would have written it, without judging: say `verdict` and `reasons`."""
    vault = current_app.extensions["site"].vault
    here, number = local(at), facts.pop("mobile", "13800001234")
    district_id = db.session.get(Place, where.place_id).district_id
    facts = {"name": "张晓明", "kind": Kind.ENTRY, "verdict": Verdict.PASS, "reasons": "", "marks": "", "celsius": 365,
             "measured_by": MeasuredBy.SELF, "masked": True, "written": "", "purpose": "", "mode": "normal",
             "scheme_key": SCHEME, "call_number": 100 + next(_numbers) % 900} | facts  # fmt: skip
    return save(
        CheckIn(
            nonce=secrets.token_bytes(16), district_id=district_id, place_id=where.place_id, gate_id=where.id,
            day=here.date(), hour=here.hour, occurred_at=at, arrived_at=at,
            mobile=vault.seal(number, CheckIn.MOBILE) if number else None,
            mobile_index=vault.blind(number, "mobile") if number else None, **facts,
        )
    )  # fmt: skip


def fault(
    where: Gate, at: datetime, by: Account, kind: FaultKind = FaultKind.BROKEN, hours: int = 2
) -> Fault:
    """The gate's thermometer is out of order."""
    return save(Fault.report(where.id, kind, hours=hours, note="", now=at, by_id=by.id, holding=None))


def employee(where: Enterprise, name: str = "林小满", **facts: Any) -> Employee:
    now = current_app.extensions["site"].now()
    return save(Employee(enterprise_id=where.id, name=name, added_at=now, changed_at=now, **facts))


def health_entry(
    person: Employee, told: Report, on: date | None = None, source: EntrySource = EntrySource.SELF
) -> tuple[HealthEntry, FollowUp | None]:
    """What a person reported of a work day, and the case that it opened."""
    site = current_app.extensions["site"]
    now = site.now()
    entry = write(
        db.session(), person, on or work_day_of(person, now), told, policy=site.book.get(SCHEME), mode=Mode.NORMAL,
        source=source, now=now,
    )  # fmt: skip
    case = FollowUp.open_for(db.session(), entry, now=now)
    db.session.commit()
    return entry, case


def cluster_report(
    here: Town,
    by: Account | None = None,
    post: Post = Post.HEALTH_MANAGER,
    at: Place | None = None,
    **facts: Any,
) -> ClusterReport:
    """A suspected cluster at the tenant, or in a place, reported at once by its health manager."""
    site = current_app.extensions["site"]
    now = site.now()
    facts = {"signal": Signal.GUT, "people": 4, "noticed_at": now} | facts
    report, _fresh = ClusterReport.file(
        db.session(), at or here.tenant, Facts(**facts), site.book.get(SCHEME), key=secrets.token_hex(12), now=now,
        by=by or here.officer(post), post=post,
    )  # fmt: skip
    db.session.commit()
    return report


def closure(here: Town, first_on: date, last_on: date, staff: int = 3) -> Closure:
    """The tenant says that it is closed."""
    now, by = current_app.extensions["site"].now(), here.officer(Post.HEALTH_MANAGER)
    return save(
        Closure.declare(
            db.session(), here.tenant, first_on=first_on, last_on=last_on, staff=staff, contact_id=by.id, reason="设备检修", now=now,
            by_id=by.id,
        )
    )  # fmt: skip


def cluster_alert(
    here: Town, at: Place | None = None, signal: Signal = Signal.GUT, people: int = 4
) -> ClusterAlert:
    """An alert that nobody has seen to."""
    now = current_app.extensions["site"].now()
    where = at or here.tenant
    row = ClusterAlert(
        signal=signal, key=f"{'p' if at else 'e'}{where.id}:{signal.value}", people=people, first_on=local(now).date(),
        last_on=local(now).date(), reached=[{"rule": "同一班组或宿舍，1天内3人", "where": "班组甲班", "people": people}],
        scheme_key=SCHEME, raised_at=now, state=AlertState.PENDING,
    )  # fmt: skip
    row.stand(where, here.park.id)
    return save(row)


def letter(firm: Enterprise, by: Account, *, sent_at: datetime | None = None, **facts: Any) -> Letter:
    """A responsibility letter that an officer has sent to a firm, by the scheme of 2022, from today to the end of next year."""
    site = current_app.extensions["site"]
    now = sent_at or site.now()
    starts_on, ends_on = (
        facts.pop("starts_on", local(now).date()),
        facts.pop("ends_on", date(local(now).year + 1, 12, 31)),
    )
    scheme_key = facts.pop("scheme_key", SCHEME)
    template = site.book.get(scheme_key).letter(facts.pop("kind", "enterprise"))
    (number,) = LetterCounter.take(
        db.session(), db.session.get_one(District, firm.district_id), starts_on.year, 1
    )
    place = facts.get("place")
    said = LetterFacts(
        number=number, unit=Party(name="区经济和信息化局", contact=by.name, phone="0000-0000123"),
        firm=Party(name=firm.name, code=firm.credit_code, representative=firm.legal_representative, contact=firm.legal_representative),
        place=place.name if place else "", starts_on=starts_on, ends_on=ends_on,
    )  # fmt: skip
    return save(
        Letter.issue(
            template,
            said,
            firm,
            scheme_key=scheme_key,
            by=by,
            now=now,
            chief_id=facts.pop("chief_id", None),
            **facts,
        )
    )


def may_sign(
    person: Account, firm: Enterprise, by: Account, capacity: Capacity = Capacity.REPRESENTATIVE
) -> LetterSigner:
    """This person is filed as the firm's legal representative, by name too."""
    firm.legal_representative = person.name
    now = current_app.extensions["site"].now()
    return save(
        LetterSigner.file(
            firm,
            person,
            capacity,
            paper=None,
            until_on=date(2027, 12, 31),
            today=local(now).date(),
            by=by,
            now=now,
        )
    )
