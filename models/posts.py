"""Health posts of an enterprise (健康岗位): what the rule asks for, who holds them, what is missing since when, and the acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, exists, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from . import standing
from .access import ENTERPRISE_STAFF, SCOPES, Holds, Post, may_invite
from .accounts import Account, Appointment
from .archive import Employee
from .base import Row, RuleBroken, local
from .enterprises import Enterprise, Headcount
from .grace import DAY, Lacking, Service, lacking_since
from .invitations import Invitation, invitable
from .office import StaffLine, adoptions_of, staff_lines
from .places import Adoption
from .policy.book import Book
from .policy.schema import Policy, StaffingDuty, StaffingRule, WorkerKind
from .vault import Vault

POSTS = tuple(post for post in Post if SCOPES[post] == "enterprise")
PAST = 10  # people who have left, on the page
CHARTER = 5000  # signs of a charter that is typed in


class ManagementTeam(Row):
    """The health management team that an enterprise has on file (健康管理团队): the newest row holds, those before are history."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    leader: Mapped[str]
    deputy: Mapped[str]
    charter: Mapped[str] = mapped_column(default="")  # 章程
    photo: Mapped[bytes | None] = mapped_column(deferred=True)  # of the charter, sealed; or its text above
    photographed: Mapped[bool] = mapped_column(default=False)
    filed_at: Mapped[datetime]
    filed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    filed_by: Mapped[Account] = relationship()

    __table_args__ = (Index("ix_management_team_enterprise", "enterprise_id", "id"),)

    PHOTO = "management_team.photo"

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return _of_enterprises(cls.enterprise_id, scope, ids)

    @classmethod
    def file(
        cls, enterprise: Enterprise, vault: Vault, *, leader: str, deputy: str, charter: str, photo: bytes | None,
        now: datetime, by_id: int,
    ) -> ManagementTeam:  # fmt: skip
        """`photo` as made by `models.photographs`. Leader, deputy and a charter, or the team is not on file."""
        leader, deputy, charter = leader.strip(), deputy.strip(), charter.strip()
        if not leader or not deputy:
            raise RuleBroken("请填负责人和副负责人")
        if leader == deputy:
            raise RuleBroken("负责人和副负责人不能是同一个人")
        if not charter and photo is None:
            raise RuleBroken("请写章程，或者上传章程的照片")
        return cls(
            enterprise_id=enterprise.id, leader=leader, deputy=deputy, charter=charter,
            photo=None if photo is None else vault.seal_bytes(photo, cls.PHOTO), photographed=photo is not None,
            filed_at=now, filed_by_id=by_id,
        )  # fmt: skip


class PaperCheck(Row):
    """Business licence and letter of authority, seen before somebody is let into an enterprise that nobody stands for (授权核对)."""

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    authorised: Mapped[str]  # whom the letter names
    photo: Mapped[bytes | None] = mapped_column(deferred=True)  # sealed
    photographed: Mapped[bool] = mapped_column(default=False)
    checked_at: Mapped[datetime]
    checked_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    checked_by: Mapped[Account] = relationship()

    PHOTO = "paper_check.photo"

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        return _of_enterprises(cls.enterprise_id, scope, ids)

    @classmethod
    def make(
        cls, enterprise: Enterprise, vault: Vault, *, licence_code: str, authorised: str, photo: bytes | None,
        now: datetime, by_id: int,
    ) -> PaperCheck:  # fmt: skip
        """The code is typed from the licence that lies on the table: another firm's licence lets nobody in."""
        if "".join(licence_code.split()).upper() != enterprise.credit_code:
            raise RuleBroken("与这家企业登记的统一社会信用代码不一致，请照营业执照原件再核对")
        return cls(
            enterprise_id=enterprise.id, authorised=authorised.strip(),
            photo=None if photo is None else vault.seal_bytes(photo, cls.PHOTO), photographed=photo is not None,
            checked_at=now, checked_by_id=by_id,
        )  # fmt: skip


def _of_enterprises(column: Mapped[int], scope: str, ids: list[int]) -> ColumnElement[bool] | None:
    inside = Enterprise.within(scope, ids)
    return None if inside is None else column.in_(select(Enterprise.id).where(inside))


# --- what the page shows ---


@dataclass(frozen=True, slots=True)
class Board:
    """The health posts of one enterprise on a day."""

    policy: Policy | None
    duty: StaffingDuty | None  # None: no scheme, or no head count: nobody can judge
    lines: Sequence[StaffLine]
    lacks: Mapping[str, Lacking]  # by post, of the lines that lack somebody
    staff: Sequence[Appointment]  # who serves today
    coming: Sequence[Appointment]  # whose term begins later
    past: Sequence[Appointment]  # the last ones whose term is over
    invitations: Sequence[Invitation]
    team: ManagementTeam | None
    counted: Headcount | None  # since when the head count holds, and who wrote it
    by_kind: Mapping[WorkerKind, int]  # people in the archive today, whom the rule counts
    is_deserted: bool  # there was somebody, and now there is nobody

    @property
    def missing(self) -> int:
        return sum(line.missing for line in self.lines)

    @property
    def current(self) -> list[Appointment]:
        """Who serves, and who is about to."""
        return [*self.staff, *self.coming]

    def condition(self, one: Appointment | Invitation) -> str:
        """Who may hold this post by the rule (中层以上管理人员); empty where it says nothing."""
        return self.duty.held_by.get(one.post.value, "") if self.duty else ""  # type: ignore[call-overload]

    def unconfirmed(self, one: Appointment | Invitation) -> bool:
        """Whether nobody has confirmed that this person meets the condition."""
        return bool(self.condition(one)) and not one.position


def board(session: Session, book: Book, enterprise: Enterprise, now: datetime) -> Board:
    """A fixed number of queries, however many have served."""
    today, adoptions = local(now).date(), adoptions_of(session, enterprise.district_id)
    policy = book.in_force(adoptions, today)
    duty = policy.staffing.duty(enterprise.headcount) if policy else None
    ever = _ever_appointed(session, enterprise)
    staff = [one for one in ever if one.holds(today) and one.account.disabled_at is None]
    coming = [one for one in ever if one.ended_at is None and one.starts_on > today]
    over = [one for one in ever if one not in staff and one not in coming]
    lines = staff_lines(policy, duty, staff) if policy and duty else []
    counts = session.scalars(
        select(Headcount).where(Headcount.enterprise_id == enterprise.id).order_by(Headcount.from_on)
    ).all()
    return Board(
        policy=policy, duty=duty, lines=lines,
        lacks=_lacks(book, adoptions, counts, ever, today) if any(line.missing for line in lines) else {},
        staff=staff, coming=coming, past=sorted(over, key=_last_day, reverse=True)[:PAST],
        invitations=_waiting(session, enterprise, now), team=team_of(session, enterprise) if duty and duty.team else None,
        counted=counts[-1] if counts else None, by_kind=_archived(session, enterprise, policy, today),
        is_deserted=_is_deserted(ever, today),
    )  # fmt: skip


def lacks_of(
    session: Session, book: Book, enterprise: Enterprise, today: date, lines: Iterable[StaffLine]
) -> Mapping[str, Lacking]:
    """Since when its posts are lacking, for whoever shows `enterprises/_posts.html` beside something else. Where no line lacks
    anybody, nobody is asked."""
    if not any(line.missing for line in lines):
        return {}
    counts = session.scalars(select(Headcount).where(Headcount.enterprise_id == enterprise.id)).all()
    adoptions = adoptions_of(session, enterprise.district_id)
    return _lacks(book, adoptions, counts, _ever_appointed(session, enterprise), today)


def team_of(session: Session, enterprise: Enterprise) -> ManagementTeam | None:
    """The team on file, if there is one."""
    return session.scalar(
        select(ManagementTeam)
        .where(ManagementTeam.enterprise_id == enterprise.id)
        .order_by(ManagementTeam.id.desc())
        .options(joinedload(ManagementTeam.filed_by))
        .limit(1)
    )


def _ever_appointed(session: Session, enterprise: Enterprise) -> Sequence[Appointment]:
    return session.scalars(
        select(Appointment)
        .where(Appointment.scope == "enterprise", Appointment.scope_id == enterprise.id)
        .options(joinedload(Appointment.account))
        .order_by(Appointment.id)
    ).all()


def _lacks(
    book: Book, adoptions: Sequence[Adoption], counts: Sequence[Headcount],
    ever: Iterable[Appointment], today: date,
) -> Mapping[str, Lacking]:  # fmt: skip
    if not counts:
        return {}  # nobody wrote down since when so many work there: no day can be claimed
    headcounts = [(one.from_on, one.number) for one in counts]
    rules: list[tuple[date, StaffingRule]] = [
        (one.from_on, book.get(one.scheme_key).staffing) for one in adoptions
    ]
    services = [Service(one.post.value, one.starts_on, _last_day(one)) for one in ever]
    return lacking_since(rules, headcounts, services, today)


def _last_day(one: Appointment) -> date:
    """The last whole day in the post; of a closed account too."""
    cut = [local(at).date() - DAY for at in (one.ended_at, one.account.disabled_at) if at is not None]
    return min([one.ends_on, *cut])


def _is_deserted(ever: Iterable[Appointment], today: date) -> bool:
    staff = [one for one in ever if one.post in ENTERPRISE_STAFF]
    return bool(staff) and all(_last_day(one) < today for one in staff)


def _waiting(session: Session, enterprise: Enterprise, now: datetime) -> Sequence[Invitation]:
    return session.scalars(
        select(Invitation)
        .where(
            Invitation.post.in_(POSTS), Invitation.scope_id == enterprise.id,
            Invitation.district_id == enterprise.district_id, Invitation.waiting(now),
        )
        .order_by(Invitation.expires_at)
    ).all()  # fmt: skip


def _archived(
    session: Session, enterprise: Enterprise, policy: Policy | None, today: date
) -> Mapping[WorkerKind, int]:
    if policy is None:
        return {}
    kinds = policy.staffing.counted_kinds
    rows = session.execute(
        select(Employee.kind, func.count())
        .where(
            Employee.enterprise_id == enterprise.id, Employee.working(today), Employee.kind.in_(kinds)
        )
        .group_by(Employee.kind)
    ).all()  # fmt: skip
    return dict(sorted(rows, key=lambda row: kinds.index(row[0])))


# --- enterprises that nobody stands for ---


def deserted(on: date) -> ColumnElement[bool]:
    """Enterprises whose last chief health officer or manager has left: specialist and liaison have to see to it."""
    of_it = (
        select(Appointment.id)
        .join(Account, Account.id == Appointment.account_id)
        .where(
            Appointment.scope == "enterprise", Appointment.scope_id == Enterprise.id,
            Appointment.post.in_(ENTERPRISE_STAFF),
        )
    )  # fmt: skip
    now = of_it.where(Appointment.current(on), Account.disabled_at.is_(None))
    return and_(of_it.exists(), ~now.exists())


def left_alone(session: Session, within: ColumnElement[bool], on: date, *, most: int) -> Sequence[Enterprise]:
    """The first of them by name that are open."""
    test = Enterprise.deserted if standing.known(session, on) else deserted(on)
    found = select(Enterprise).where(within, Enterprise.closed_at.is_(None), test)
    return session.scalars(found.order_by(Enterprise.name, Enterprise.id).limit(most)).all()


# --- the acts ---


def fillable(session: Session, appointments: Iterable[Holds], enterprise: Enterprise) -> list[Post]:
    """The posts of this enterprise that the holder of these appointments may fill and end, from one query."""
    held = list(appointments)
    posts = [post for post in POSTS if post in may_invite(held)]
    if not posts:
        return []
    answers = session.execute(
        select(
            *(exists().where(Enterprise.id == enterprise.id, invitable(held, post)) for post in posts)
        ).select_from(Enterprise).where(Enterprise.id == enterprise.id)
    ).one()  # fmt: skip
    return [post for post, reached in zip(posts, answers, strict=True) if reached]


def must_show_papers(session: Session, enterprise_id: int, on: date) -> bool:
    """Whether the last post there has gone: whoever comes next is let in against licence and letter of authority (3.4)."""
    return bool(session.scalar(select(exists().where(Enterprise.id == enterprise_id, deserted(on)))))


def person(session: Session, district_id: int, *, name: str, known_as: str) -> Account:
    """The account of the district by its holder's name together with username or whole mobile.

    Both at once, and one answer to whatever does not fit: nobody finds out by trying who has an account.
    """
    found = session.scalar(Account.known_as(known_as).where(Account.district_id == district_id))
    if found is None or found.name != name.strip() or not found.is_active:
        raise RuleBroken("没有找到：姓名要和账号或手机号一起对得上。没有账号的，请改用邀请链接")
    return found


def settled_position(condition: str, position: str, confirmed: bool) -> str:
    """What is kept of a person's position: needed, and confirmed, where the rule says who may hold the post."""
    position = position.strip()
    if not condition:
        return position
    if not position:
        raise RuleBroken(f"这个岗位要由{condition}担任，请填这个人的职务")
    if not confirmed:
        raise RuleBroken(f"请先核实：{position}是{condition}")
    return position


def hand_over(
    old: Appointment, successor: Account, *, last_on: date, ends_on: date, reason: str, position: str, now: datetime,
    by_id: int,
) -> Appointment:  # fmt: skip
    """The old holder's last day, and from the next day on the successor: no day without a holder."""
    if successor.id == old.account_id:
        raise RuleBroken("接任的人就是现在这个人，请填另一个人")
    old.end_on(last_on, reason=reason, now=now)
    starts_on = last_on + timedelta(days=1)
    return Appointment.appoint(
        successor, old.post, old.scope_id, starts_on=starts_on, ends_on=ends_on, now=now, by_id=by_id,
        position=position,
    )  # fmt: skip
