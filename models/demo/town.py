"""Writes a district down (建区): places and gates, firms, people in every post, and what troubles it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy.orm import Session

from models.access import Post
from models.accounts import Account, Appointment
from models.base import local
from models.demo.districts import HEADS, PARK, UNITS, Sketch
from models.demo.people import Mobiles, credit_code
from models.enterprises import Enterprise, Premises, Spelling
from models.gate import fold
from models.initials import initials_of
from models.passwords import hash_password
from models.places import (
    CODE_LENGTH,
    CODE_SIGNS,
    Adoption,
    Clinic,
    Community,
    District,
    Gate,
    ModeOrder,
    Place,
    PlaceKind,
    Street,
    Unit,
)
from models.policy.book import Book
from models.vault import Vault

PASSWORD = "Yunxi-demo-2468"
MAIN_GATE = ("云溪软件园B区", "东门2号口")
MAIN_CODE = "7K3MX9QPRD"  # on every machine: people write it down
CHIEF = "zhuanban1"  # of the task force: who adopts schemes and opens emergencies
WHO_LEFT = "zhuanyuan11"
SERVED, SETTLED = timedelta(days=200), timedelta(days=240)  # how long people and firms have been here


@dataclass
class Town:
    """A district that stands in the database: its rows by their names in the sketch."""

    sketch: Sketch
    district: District
    streets: dict[str, Street] = field(default_factory=dict)
    communities: dict[str, Community] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    enterprises: dict[str, Enterprise] = field(default_factory=dict)  # by short name
    accounts: dict[str, Account] = field(default_factory=dict)  # by username
    orders: list[ModeOrder] = field(default_factory=list)

    @property
    def gates(self) -> list[Gate]:
        return [gate for place in self.places.values() for gate in place.gates]

    def in_post(self, post: Post, place: Place) -> list[Appointment]:
        """Who holds the post for this place or has held it: its own people, or without any its park's."""
        every = [a for account in self.accounts.values() for a in account.appointments if a.post == post]
        own = [a for a in every if a.scope_id == place.id]
        return own or [a for a in every if a.scope_id == place.parent_id]


def found(
    session: Session, sketch: Sketch, book: Book, vault: Vault, now: datetime, *, seed: str, mobiles: Mobiles
) -> Town:
    """A district with everything but its emergencies and its days."""
    district = District(
        slug=sketch.slug, name=sketch.name, organiser=f"{sketch.name}健康管理专班",
        contact=f"信息保护联系人，电话{_phone(sketch, 126)}", hotline=_phone(sketch, 123),
        hotline_hours="每天08:00–22:00", is_demo=True,
    )  # fmt: skip
    session.add(district)
    session.flush()
    town = Town(sketch, district)
    _divide(session, town)
    rng = Random(f"{seed}/town")
    _build_places(session, town, now, rng)
    _settle_enterprises(session, town, now - SETTLED)
    _appoint(session, town, vault, now, rng, mobiles)
    chief = next(account for username, account in town.accounts.items() if username.endswith(CHIEF))
    session.add(
        Adoption(
            district_id=district.id, scheme_key=sketch.scheme_key, digest=book.get(sketch.scheme_key).digest,
            from_on=sketch.adopted_on, adopted_by_id=chief.id, adopted_at=now - SETTLED,
        )
    )  # fmt: skip
    session.flush()
    return town


def _phone(sketch: Sketch, number: int) -> str:
    """A telephone of no area: nobody can be called by mistake."""
    return f"{sketch.dialling}{number:03}"


def _divide(session: Session, town: Town) -> None:
    """Streets, communities, units, fever clinics."""
    sketch, district_id = town.sketch, town.district.id
    units = dict.fromkeys([*(site.unit for site in sketch.sites()), *(firm.unit for firm in sketch.firms())])
    town.units = {
        name: Unit(
            district_id=district_id, name=name, credit_code=credit_code(number, kind="11", organ=sketch.organ), head=head,
            address=f"{sketch.name}政务中心{number - 600}号楼", phone=_phone(sketch, number),
        )
        for number, (name, head) in enumerate(zip(UNITS.values(), HEADS, strict=True), start=601)
        if name in units
    }  # fmt: skip
    town.streets = {name: Street(district_id=district_id, name=name) for name in sketch.communities}
    session.add_all([*town.units.values(), *town.streets.values()])
    session.flush()
    for street, names in sketch.communities.items():
        for name in names:
            town.communities[name] = Community(street_id=town.streets[street].id, name=name)
    session.add_all(town.communities.values())
    for number, (name, address, street) in enumerate(sketch.clinics, start=120):
        session.add(
            Clinic(
                district_id=district_id, street_id=town.streets[street].id if street else None, name=name,
                address=address, phone=_phone(sketch, number), hours="24小时",
            )
        )  # fmt: skip
    session.flush()


def _build_places(session: Session, town: Town, now: datetime, rng: Random) -> None:
    streets = {street.id: street for street in town.streets.values()}
    for number, site in enumerate(town.sketch.sites(), start=128):
        community = town.communities[site.community]
        street = streets[community.street_id]
        place = Place(
            district_id=town.district.id, street_id=street.id, community_id=community.id,
            unit_id=town.units[site.unit].id, parent_id=town.places[site.park].id if site.park else None,
            kind=PlaceKind.PARK if site.kind == PARK else PlaceKind.BUILDING,
            name=site.name, address=street.name + site.address, phone=_phone(town.sketch, number),
        )  # fmt: skip
        place.set_hours(site.opens, site.closes)
        for name in site.gates:
            gate = Gate(name=name)
            place.gates.append(gate)
            _hang_posters(gate, now, rng, is_main=(site.name, name) == MAIN_GATE)
        session.add(place)
        session.flush()
        town.places[site.name] = place


def _hang_posters(gate: Gate, now: datetime, rng: Random, *, is_main: bool) -> None:
    """Each gate has its code; the main one is on its third, so that there are old posters to scan."""
    if not is_main:
        gate.issue_code(now=now - timedelta(days=90), by_id=None, code=_code(rng))
        return
    gate.issue_code(now=now - SERVED, by_id=None, code=_code(rng))
    changes = ((80, "海报被雨打湿，看不清", _code(rng)), (2, "海报被撕走，换新的", MAIN_CODE))
    for days, reason, code in changes:
        at = now - timedelta(days=days, hours=1)
        gate.codes[-1].revoke(reason=reason, now=at, by_id=None)
        gate.issue_code(now=at, by_id=None, code=code)


def _code(rng: Random) -> str:
    return "".join(rng.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))


def _settle_enterprises(session: Session, town: Town, since: datetime) -> None:
    for number, firm in enumerate(town.sketch.firms(), start=1):
        home = town.places[firm.place]
        enterprise = Enterprise(
            district_id=town.district.id, street_id=home.street_id, community_id=home.community_id,
            unit_id=town.units[firm.unit].id, name=firm.name, short_name=firm.short,
            initials=initials_of(firm.short, words=True),
            credit_code=credit_code(number, kind=firm.kind, organ=town.sketch.organ),
            address=f"{home.address}{home.name}{_within(home.name, firm.room)}",
            phone=f"0000-0000{number:03}" if number % 4 else None,
        )  # fmt: skip
        if firm.headcount:
            enterprise.set_headcount(firm.headcount, local(since).date(), now=since, by_id=None)
        enterprise.premises.append(Premises(place_id=home.id, room=firm.room, from_at=since))
        town.enterprises[firm.short] = enterprise
    for short, place, room in town.sketch.branches:
        branch = Premises(place_id=town.places[place].id, room=room, from_at=since)
        town.enterprises[short].premises.append(branch)
    session.add_all(town.enterprises.values())
    session.flush()


def _within(place: str, room: str) -> str:
    """A room without the building that the place is named after: 3号楼5层 of 云溪软件园B区3号楼 is 5层."""
    return next(room[end:] for end in range(len(room), -1, -1) if place.endswith(room[:end]))


def _appoint(
    session: Session, town: Town, vault: Vault, now: datetime, rng: Random, mobiles: Mobiles
) -> None:
    """People with a sign-in each, appointed as the rules allow, for terms that end in different months."""
    today = local(now).date()
    ends = [date(today.year + 1, month, day) for month, day in ((3, 31), (6, 30), (12, 31))]
    scopes = {"": town.district.id}
    for rows in (town.units, town.communities, town.places, town.enterprises):
        scopes |= {name: row.id for name, row in rows.items()}
    for username, name, posts in town.sketch.people():
        mobile = mobiles.draw()
        account = Account(
            district_id=town.district.id, username=username, name=name, mobile=mobile,
            mobile_index=vault.blind(mobile, "mobile"), password_hash=hash_password(PASSWORD),
            password_set_at=now, must_change_password=False, created_at=now - SERVED,
        )  # fmt: skip
        session.add(account)
        for post, scope in posts:
            Appointment.appoint(
                account, Post(post), scopes[scope], starts_on=today - SERVED, ends_on=rng.choice(ends),
                now=now - SERVED, by_id=None,
            )  # fmt: skip
        town.accounts[username] = account
    session.flush()


def trouble(session: Session, town: Town, now: datetime) -> None:
    """What makes the main district worth looking at: an emergency that is over, one that is open, a gate out
    of use, a specialist who has left, spellings that another has mapped."""
    town.orders = list(_emergencies(town, now))
    session.add_all(town.orders)
    for appointment in town.accounts[WHO_LEFT].appointments:
        appointment.end(reason="离职，接替的人还没有到岗", now=_midnight(now) - timedelta(days=4, hours=6))
    freight = next(gate for gate in town.places["云溪商务大厦"].gates if gate.name == "货运口")
    freight.pause(reason="货梯检修，请从正门进入", now=_midnight(now) - timedelta(hours=9))
    place, specialist = town.places[MAIN_GATE[0]], town.accounts["zhuanyuan1"]
    for written, short in (("星河", "星河微电子"), ("清泉食堂", "石上清泉餐饮"), ("驿路快递", "驿路物流")):
        session.add(
            Spelling(
                place_id=place.id, written=fold(written), enterprise_id=town.enterprises[short].id,
                mapped_by_id=specialist.id, mapped_at=now - timedelta(days=6),
            )
        )  # fmt: skip
    for home in (place, *(p for p in town.places.values() if p.parent_id == place.id)):
        session.add(
            Spelling(
                place_id=home.id, written=fold("找朋友"), enterprise_id=None, mapped_by_id=specialist.id,
                mapped_at=now - timedelta(days=5),
            )
        )  # fmt: skip
    session.flush()


def _midnight(now: datetime) -> datetime:
    return local(now).replace(hour=0, minute=0, second=0, microsecond=0)


def _emergencies(town: Town, now: datetime) -> Iterator[ModeOrder]:
    midnight = _midnight(now)
    street, building, chief = town.streets["石桥街道"], town.places["桂湖智谷A座"], town.accounts[CHIEF]
    opened = midnight - timedelta(days=14) + timedelta(hours=9)
    over = ModeOrder.open(
        scope="street", scope_id=street.id, district_id=town.district.id, name="石桥街道聚集性发热应急响应",
        reason="两家企业一天内报来7例发热，原因待查", legal_basis="云溪高新区突发公共卫生事件应急预案4.2",
        responsible=chief.name, planned_end_on=(opened + timedelta(days=5)).date(), now=opened,
        by_id=chief.id,
    )  # fmt: skip
    ended = opened + timedelta(days=3, hours=9)
    over.end(reason="查明为普通流感，三天没有新增", now=ended, by_id=chief.id)
    yield over
    begun = midnight - timedelta(days=1) + timedelta(hours=9)
    yield ModeOrder.open(
        scope="place", scope_id=building.id, district_id=town.district.id, name="桂湖智谷A座应急响应",
        reason="楼内一家企业报来3例发热，正在调查", legal_basis="云溪高新区突发公共卫生事件应急预案4.1",
        responsible=chief.name, planned_end_on=(begun + timedelta(days=6)).date(), now=begun, by_id=chief.id,
    )  # fmt: skip
