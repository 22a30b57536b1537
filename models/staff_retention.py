"""What enterprises keep of their people, and which of it is due (企业的健康信息的保存期限): a kind of record for each thing that goes.

Each kind is a query of what goes by a plan, and how it goes with all that hangs on it. The order of KINDS matters: what hangs on
something goes before it. `destruction` does the work in batches, with one record a run and kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased

from . import health_sums
from .archive import Employee
from .base import SHANGHAI, UTCDateTime, local
from .closures import Closure
from .cluster_alerts import ClusterAlert
from .clusters import ClusterPerson, ClusterReport, ClusterStep
from .contacts import Contact, ContactBatch
from .enterprises import Enterprise, Premises
from .evidence import Evidence
from .files import StoredFile
from .follow_ups import FollowUp, FollowUpStep
from .health_entries import EntryState, HealthEntry, HealthEntryVersion
from .health_file import Absence, CheckUp, CheckUpKind, Record, Travel, Vaccination
from .health_links import LinkKind, void
from .letters import Letter, hold_firms, mark_newest
from .plans import Activity, PlanChange
from .plans import Plan as HealthPlan
from .policy.schema import Retention
from .retention import Kept, Limits, Plan
from .signatures import LetterLink, LetterSignature, LetterSigner

Rows = Sequence[Row[Any]]
ONE = timedelta(days=1)
LONG_AWAY = timedelta(days=366)  # after so long a journey without a day of return counts as ended
EVER = date(1900, 1, 1)
ALWAYS = date(9000, 1, 1)
ASIDE = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is destroyed as one thing. `ended` has number and day of each whose time is over in any district, the oldest first, and
    what else `go` needs."""

    key: str  # as a destruction record names it
    label: str
    unit: str
    method: str
    model: type[Any]
    ended: Callable[[Plan], Any]
    go: Callable[[Session, Rows, datetime], None]
    day_of: Callable[[Row[Any]], date] = lambda row: row.day
    most: int | None = None  # rows a transaction, where they are heavier than usual
    district: Any = Enterprise.district_id  # what says of a row whose it is

    def due(self, plan: Plan) -> Any:
        """What goes in the district of a plan."""
        return self.ended(plan).where(self.district == plan.district_id)

    def still_due(self, plan: Plan, ids: Sequence[int]) -> Any:
        """The same of these, found by their numbers: SQLite would begin with the district's enterprises, and ask of each person
        of theirs for every number."""
        return self.ended(plan).where(self.model.id.in_(ids), self.district + 0 == plan.district_id)


def _limits(plan: Plan) -> Limits:
    assert plan.staff is not None
    return plan.staff


# --- what all kinds ask ---


def _left() -> ColumnElement[date]:
    """The last day at work; with an enterprise that has closed its people have left."""
    return func.coalesce(Employee.left_on, Enterprise.closed_on, type_=Date)


def _sat(kept: Kept, enterprise_id: Any) -> ColumnElement[bool]:
    """Whether an enterprise is within a decision: any of the district, or one that sat in the place on its days."""
    if kept.place_id is None:
        return true()
    return enterprise_id.in_(
        select(Premises.enterprise_id).where(
            Premises.place_id == kept.place_id,
            Premises.from_at < midnight(kept.last + ONE),
            or_(Premises.until_at.is_(None), Premises.until_at > midnight(kept.first)),
        )
    )


def _held(plan: Plan, first: Any, last: Any, enterprise_id: Any) -> ColumnElement[bool]:
    """What lies, with any of its days, in the days that a decision keeps. Neither day may be NULL."""
    return or_(
        false(),
        *(and_(first <= k.last, last >= k.first, _sat(k, enterprise_id)) for k in plan.kept),
    )


def midnight(day: date) -> datetime:
    """When a day begins."""
    return datetime.combine(min(max(day, EVER), ALWAYS), time(0), SHANGHAI)


def _by_scheme(plan: Plan, column: Any, *, instants: bool = False) -> ColumnElement[Any]:
    """The last day of what goes, by the scheme of the row; or the instant at which that day is over."""
    limits = _limits(plan)
    kind: Any = UTCDateTime() if instants else Date()

    def value(day: date) -> Any:
        return literal(midnight(day + ONE) if instants else day, kind)

    whens = [(column == key, value(day)) for key, day in limits.entry.items()]
    return case(*whens, else_=value(limits.first_entry))


# --- illness: cases, and the entries that belong to them ---

_Opening = aliased(HealthEntry, name="opening")


def _living(plan: Plan) -> ColumnElement[bool]:
    """A case whose end lies not yet so far back that it goes: nobody has recovered, or not long enough ago.

    The end is the return to work, or when it was found a false alarm. One that nobody closes ends with the person's last day at
    work, or when nothing has happened in it for the scheme's days: else a forgotten case would keep what is of health for ever.
    """
    until, over = (_by_scheme(plan, _Opening.scheme_key, instants=instants) for instants in (False, True))
    sign = midnight(_limits(plan).case + ONE)
    step = exists().where(FollowUpStep.follow_up_id == FollowUp.id, FollowUpStep.at >= sign)
    again = aliased(HealthEntry)
    ill = exists().where(
        again.employee_id == FollowUp.employee_id,
        again.state != EntryState.NORMAL,
        again.work_on > _limits(plan).case,
    )
    going_on = and_(FollowUp.closed_at.is_(None), or_(FollowUp.opened_at >= sign, step, ill))
    ended = case(
        (FollowUp.return_on.is_not(None), FollowUp.return_on > until), else_=FollowUp.closed_at >= over
    )
    left = _left()
    return and_(
        or_(left.is_(None), left > until), or_(going_on, and_(FollowUp.closed_at.is_not(None), ended))
    )


def _held_case(plan: Plan) -> ColumnElement[bool]:
    found = [
        and_(
            _Opening.work_on <= kept.last,
            or_(FollowUp.closed_at.is_(None), FollowUp.closed_at >= midnight(kept.first)),
            _sat(kept, FollowUp.enterprise_id),
        )
        for kept in plan.kept
    ]
    return or_(false(), *found)


def _cases(plan: Plan) -> Any:
    return (
        select(FollowUp.id, _Opening.work_on.label("day"))
        .join(_Opening, _Opening.id == FollowUp.entry_id)
        .join(Employee, Employee.id == FollowUp.employee_id)
        .join(Enterprise, Enterprise.id == FollowUp.enterprise_id)
        .where(_Opening.work_on <= _limits(plan).last_entry)
        .where(~_living(plan), ~_held_case(plan))
        .order_by(_Opening.work_on, FollowUp.id)
    )


def _entries(plan: Plan) -> Any:
    """Of who was well, by the day; of who was not, by the end of the case to which the entry belongs: it opened it, or was written
    while it was open."""
    belongs = or_(
        FollowUp.entry_id == HealthEntry.id,
        and_(
            HealthEntry.state != EntryState.NORMAL,
            HealthEntry.at >= FollowUp.opened_at,
            or_(FollowUp.closed_at.is_(None), HealthEntry.at <= FollowUp.closed_at),
        ),
    )
    case_of_it = (
        select(FollowUp.id)
        .join(_Opening, _Opening.id == FollowUp.entry_id)
        .join(Employee, Employee.id == FollowUp.employee_id)
        .join(Enterprise, Enterprise.id == FollowUp.enterprise_id)
        .where(FollowUp.employee_id == HealthEntry.employee_id, belongs)
        .where(or_(_living(plan), _held_case(plan)))
        .correlate(HealthEntry)
    )
    day = HealthEntry.work_on
    return (
        select(HealthEntry.id, day.label("day"), HealthEntry.enterprise_id)
        .join(Enterprise, Enterprise.id == HealthEntry.enterprise_id)
        .where(
            day <= _limits(plan).last_entry,
            day <= _by_scheme(plan, HealthEntry.scheme_key),
        )
        .where(~_held(plan, day, day, HealthEntry.enterprise_id), ~case_of_it.exists())
        .order_by(day, HealthEntry.id)
    )


def _go_cases(session: Session, rows: Rows, _now: datetime) -> None:
    ids = [row.id for row in rows]
    _delete(session, ClusterPerson, ClusterPerson.follow_up_id, ids)
    _delete(session, FollowUpStep, FollowUpStep.follow_up_id, ids)
    _delete(session, FollowUp, FollowUp.id, ids)


def _go_entries(session: Session, rows: Rows, _now: datetime) -> None:
    health_sums.ensure(session, {(row.enterprise_id, row.day) for row in rows})
    ids = [row.id for row in rows]
    _delete(session, HealthEntryVersion, HealthEntryVersion.entry_id, ids)
    _delete(session, HealthEntry, HealthEntry.id, ids)


# --- the file of a person ---


def _person(*columns: Any, of: type[Record] | None = None) -> Any:
    """From people, or from records of theirs."""
    found = select(*columns)
    if of is not None:
        found = found.join(Employee, Employee.id == of.employee_id)
    return found.join(Enterprise, Enterprise.id == Employee.enterprise_id)


def _held_person(plan: Plan) -> ColumnElement[bool]:
    """Who was at work on a day that a decision keeps."""
    joined = func.coalesce(Employee.joined_on, literal(EVER, Date))
    return _held(plan, joined, _left(), Employee.enterprise_id)


def _open_end(until_on: Any) -> ColumnElement[date]:
    """Without an end it may have lasted into any later day."""
    return func.coalesce(until_on, literal(ALWAYS, Date), type_=Date)


def _absences(plan: Plan) -> Any:
    last, until = func.coalesce(Absence.until_on, Absence.from_on, type_=Date), _limits(plan).health
    return (
        _person(Absence.id, last.label("day"), of=Absence)
        .where(or_(Absence.until_on <= until, _left() <= until))
        .where(~_held(plan, Absence.from_on, _open_end(Absence.until_on), Employee.enterprise_id))
        .order_by(last, Absence.id)
    )


def _travels(plan: Plan) -> Any:
    last, until = func.coalesce(Travel.until_on, Travel.from_on, type_=Date), _limits(plan).health
    long_ago = and_(Travel.until_on.is_(None), Travel.from_on <= until - LONG_AWAY)
    return (
        _person(Travel.id, last.label("day"), of=Travel)
        .where(or_(Travel.until_on <= until, long_ago, _left() <= until))
        .where(~_held(plan, Travel.from_on, _open_end(Travel.until_on), Employee.enterprise_id))
        .order_by(last, Travel.id)
    )


def _vaccinations(plan: Plan) -> Any:
    return (
        _person(Vaccination.id, Vaccination.on.label("day"), of=Vaccination)
        .where(_left() <= _limits(plan).health, ~_held_person(plan))
        .order_by(Vaccination.on, Vaccination.id)
    )


def _general_check_ups(plan: Plan) -> Any:
    day = func.coalesce(CheckUp.done_on, CheckUp.due_on, type_=Date)
    return (
        _person(CheckUp.id, day.label("day"), of=CheckUp)
        .where(CheckUp.kind == CheckUpKind.GENERAL, _left() <= _limits(plan).health, ~_held_person(plan))
        .order_by(day, CheckUp.id)
    )


def _contact_facts(plan: Plan) -> Any:
    on_file = or_(
        Employee.mobile.is_not(None),
        Employee.mobile_index.is_not(None),
        Employee.dormitory != "",
        Employee.team_id.is_not(None),
        Employee.premises_id.is_not(None),
    )
    return (
        _person(Employee.id, _left().label("day"))
        .where(_left() <= _limits(plan).health, on_file, ~_held_person(plan))
        .order_by(_left(), Employee.id)
    )


def _examined(*also: Any) -> ColumnElement[bool]:
    """An examination of occupational health that was done: who has one was exposed, whatever the file says today."""
    return exists().where(
        CheckUp.employee_id == Employee.id,
        CheckUp.kind != CheckUpKind.GENERAL,
        CheckUp.done_on.is_not(None),
        CheckUp.holds(),
        *also,
    )


def _files(plan: Plan, *, after: bool = False) -> Any:
    """Files on which nothing hangs any more but examinations of occupational health. `after`: once the other kinds have gone."""
    limits = _limits(plan)
    exposed = or_(Employee.hazards != "", _examined())
    long_ago = and_(_left() <= limits.occupational, ~_examined(CheckUp.done_on > limits.occupational))
    hanging = (
        (HealthEntry, _entries), (FollowUp, _cases), (Absence, _absences), (Travel, _travels),
        (Vaccination, _vaccinations), (CheckUp, _general_check_ups, CheckUp.kind == CheckUpKind.GENERAL),
    )  # fmt: skip
    nothing_hangs = [
        ~exists().where(
            kind.employee_id == Employee.id,
            *more,
            *([kind.id.not_in(select(goes(plan).order_by(None).subquery().c.id))] if after else []),
        )
        for kind, goes, *more in hanging
    ]
    return (
        _person(Employee.id, _left().label("day"))
        .where(_left() <= limits.file, or_(~exposed, long_ago), ~_held_person(plan), *nothing_hangs)
        .order_by(_left(), Employee.id)
    )


def _forget_contact_facts(session: Session, rows: Rows, _now: datetime) -> None:
    nothing = {"mobile": None, "mobile_index": None, "dormitory": "", "team_id": None, "premises_id": None}
    these = Employee.id.in_([row.id for row in rows])
    session.execute(update(Employee).where(these).values(nothing).execution_options(**ASIDE))


def _go_files(session: Session, rows: Rows, now: datetime) -> None:
    """The person's link stays void: SQLite may give the number to somebody else."""
    ids = [row.id for row in rows]
    void(session, LinkKind.PERSON, ids, now=now)
    _delete(session, CheckUp, CheckUp.employee_id, ids)
    _delete(session, Employee, Employee.id, ids)


# --- what is kept of the enterprise ---


def _contacts(plan: Plan) -> Any:
    found = [
        and_(
            Contact.at >= midnight(kept.first),
            Contact.at < midnight(kept.last + ONE),
            _sat(kept, Contact.enterprise_id),
        )
        for kept in plan.kept
    ]
    return (
        select(Contact.id, Contact.at, Contact.batch_id)
        .join(Enterprise, Enterprise.id == Contact.enterprise_id)
        .where(Contact.at < midnight(_limits(plan).contact + ONE), ~or_(false(), *found))
        .order_by(Contact.at, Contact.id)
    )


def _go_contacts(session: Session, rows: Rows, _now: datetime) -> None:
    ids = [row.id for row in rows]
    later = update(Contact).where(Contact.corrects_id.in_(ids)).values(corrects_id=None)
    session.execute(later.execution_options(**ASIDE))
    _delete(session, Contact, Contact.id, ids)
    batches = {row.batch_id for row in rows if row.batch_id is not None}
    empty = and_(ContactBatch.id.in_(batches), ~exists().where(Contact.batch_id == ContactBatch.id))
    session.execute(delete(ContactBatch).where(empty).execution_options(**ASIDE))


def _held_cluster(plan: Plan, row: Any, begins: Any, ends: Any) -> ColumnElement[bool]:
    found = [
        and_(
            begins < midnight(kept.last + ONE),
            ends >= midnight(kept.first),
            or_(_sat(kept, row.enterprise_id), row.place_id == kept.place_id),
        )
        for kept in plan.kept
    ]
    return or_(false(), *found)


def _cluster_reports(plan: Plan) -> Any:
    """Reports that ended long ago and have words left, their own or in a step."""
    step = exists().where(ClusterStep.report_id == ClusterReport.id, ClusterStep.text.is_not(None))
    return (
        select(ClusterReport.id, ClusterReport.closed_at.label("at"))
        .where(or_(ClusterReport.text.is_not(None), step))
        .where(ClusterReport.closed_at < midnight(_limits(plan).health + ONE))
        .where(~_held_cluster(plan, ClusterReport, ClusterReport.noticed_at, ClusterReport.closed_at))
        .order_by(ClusterReport.closed_at, ClusterReport.id)
    )


def _go_cluster_reports(session: Session, rows: Rows, _now: datetime) -> None:
    """Numbers, times and what was done stay."""
    ids = [row.id for row in rows]
    for kind, column in ((ClusterReport, ClusterReport.id), (ClusterStep, ClusterStep.report_id)):
        words = update(kind).where(column.in_(ids)).values(text=None)
        session.execute(words.execution_options(**ASIDE))


def _cluster_alerts(plan: Plan) -> Any:
    return (
        select(ClusterAlert.id, ClusterAlert.closed_at.label("at"))
        .where(ClusterAlert.reason.is_not(None))
        .where(ClusterAlert.closed_at < midnight(_limits(plan).health + ONE))
        .where(~_held_cluster(plan, ClusterAlert, ClusterAlert.raised_at, ClusterAlert.closed_at))
        .order_by(ClusterAlert.closed_at, ClusterAlert.id)
    )


def _go_cluster_alerts(session: Session, rows: Rows, _now: datetime) -> None:
    words = update(ClusterAlert).where(ClusterAlert.id.in_([row.id for row in rows])).values(reason=None)
    session.execute(words.execution_options(**ASIDE))


def _closures(plan: Plan) -> Any:
    return (
        select(Closure.id, Closure.last_on.label("day"))
        .join(Enterprise, Enterprise.id == Closure.enterprise_id)
        .where(or_(Closure.reason.is_not(None), Closure.objection.is_not(None)))
        .where(Closure.last_on <= _limits(plan).contact)
        .where(~_held(plan, Closure.first_on, Closure.last_on, Closure.enterprise_id))
        .order_by(Closure.last_on, Closure.id)
    )


def _go_closures(session: Session, rows: Rows, _now: datetime) -> None:
    words = update(Closure).where(Closure.id.in_([row.id for row in rows]))
    session.execute(words.values(reason=None, objection=None).execution_options(**ASIDE))


def _plans(plan: Plan) -> Any:
    found = [
        and_(HealthPlan.year.between(k.first.year, k.last.year), _sat(k, HealthPlan.enterprise_id))
        for k in plan.kept
    ]
    return (
        select(HealthPlan.id, HealthPlan.year)
        .join(Enterprise, Enterprise.id == HealthPlan.enterprise_id)
        .where(HealthPlan.year <= _limits(plan).plan, ~or_(false(), *found))
        .order_by(HealthPlan.year, HealthPlan.id)
    )


def _go_plans(session: Session, rows: Rows, _now: datetime) -> None:
    """With the contents of the evidence that nothing else refers to."""
    ids = [row.id for row in rows]
    activities = select(Activity.id).where(Activity.plan_id.in_(ids))
    files = session.scalars(
        select(Evidence.file_id).where(Evidence.activity_id.in_(activities)).distinct()
    ).all()
    gone = delete(Evidence).where(Evidence.activity_id.in_(activities))
    session.execute(gone.execution_options(**ASIDE))
    for kind in (Activity, PlanChange):
        _delete(session, kind, kind.plan_id, ids)
    _delete(session, HealthPlan, HealthPlan.id, ids)
    _let_go(session, set(files))


# --- what was signed ---


def _letters(plan: Plan) -> Any:
    """Letters whose term is over, or that ended before."""
    until = _limits(plan).letter
    return (
        select(Letter.id, Letter.ends_on, Letter.ended_at)
        .where(or_(Letter.ends_on <= until, Letter.ended_at < midnight(until + ONE)))
        .where(~_held(plan, Letter.starts_on, Letter.ends_on, Letter.enterprise_id))
        .order_by(Letter.ends_on, Letter.id)
    )


def _letter_ended(row: Row[Any]) -> date:
    return min(row.ends_on, local(row.ended_at).date()) if row.ended_at else row.ends_on


def _go_letters(session: Session, rows: Rows, _now: datetime) -> None:
    """Past the models' own guard, which lets nobody change or delete a signature: its time is over, as a whole."""
    ids = [row.id for row in rows]
    these = Letter.id.in_(ids)
    firms = set(session.scalars(select(Letter.enterprise_id).where(these)))
    hold_firms(session, firms)
    files = session.execute(select(Letter.pdf_id, Letter.scan_id).where(these)).all()
    later = update(Letter).where(Letter.replaces_id.in_(ids)).values(replaces_id=None)
    session.execute(later.execution_options(**ASIDE))
    for kind in (LetterSignature, LetterLink):
        _delete(session, kind, kind.letter_id, ids)
    _delete(session, Letter, Letter.id, ids)
    mark_newest(session, firms)  # one that was sent before may have the longer term
    _let_go(session, {number for both in files for number in both})


def _letter_signers(plan: Plan, *, after: bool = False) -> Any:
    """Whose authority ended long ago, and by which no letter is signed that is still there. `after`: once the letters have gone."""
    stays = (
        [LetterSignature.letter_id.not_in(select(_letters(plan).order_by(None).subquery().c.id))]
        if after
        else []
    )
    until = _limits(plan).letter
    held = [
        and_(
            LetterSigner.checked_at < midnight(kept.last + ONE),
            LetterSigner.until_on >= kept.first,
            _sat(kept, LetterSigner.enterprise_id),
        )
        for kept in plan.kept
    ]
    return (
        select(LetterSigner.id, LetterSigner.until_on, LetterSigner.ended_at)
        .join(Enterprise, Enterprise.id == LetterSigner.enterprise_id)
        .where(or_(LetterSigner.until_on <= until, LetterSigner.ended_at < midnight(until + ONE)))
        .where(~exists().where(LetterSignature.signer_id == LetterSigner.id, *stays), ~or_(false(), *held))
        .order_by(LetterSigner.until_on, LetterSigner.id)
    )


def _signer_ended(row: Row[Any]) -> date:
    return min(row.until_on, local(row.ended_at).date()) if row.ended_at else row.until_on


def _go_letter_signers(session: Session, rows: Rows, _now: datetime) -> None:
    ids = [row.id for row in rows]
    papers = set(session.scalars(select(LetterSigner.paper_id).where(LetterSigner.id.in_(ids))))
    _delete(session, LetterSigner, LetterSigner.id, ids)
    _let_go(session, papers)


def _let_go(session: Session, files: set[int | None]) -> None:
    for number in files:
        if number is not None:
            StoredFile.let_go(session, number)


def _delete(session: Session, kind: type[Any], column: Any, ids: Sequence[int]) -> None:
    session.execute(delete(kind).where(column.in_(ids)).execution_options(**ASIDE))


def _go(kind: type[Record]) -> Callable[[Session, Rows, datetime], None]:
    return lambda session, rows, _now: _delete(session, kind, kind.id, [row.id for row in rows])


ONE_BY_ONE = "逐条删除，连同更正前的内容"
KINDS = (
    Kind("follow_up", "健康跟进", "件", "逐件删除，连同每一步", FollowUp, _cases, _go_cases),
    Kind("health_entry", "每日健康", "条", f"{ONE_BY_ONE}；只留日合计", HealthEntry, _entries, _go_entries),
    Kind("absence", "请假、排班", "条", ONE_BY_ONE, Absence, _absences, _go(Absence)),
    Kind("travel", "旅居", "条", ONE_BY_ONE, Travel, _travels, _go(Travel)),
    Kind("vaccination", "疫苗接种", "条", ONE_BY_ONE, Vaccination, _vaccinations, _go(Vaccination)),
    Kind("check_up", "普通体检", "条", ONE_BY_ONE, CheckUp, _general_check_ups, _go(CheckUp)),
    Kind("employee_contact", "离职人员的联系方式", "人", "从档案里清空", Employee, _contact_facts, _forget_contact_facts),
    Kind("employee", "离职档案", "人", "逐人删除，连同职业健康检查", Employee, _files, _go_files),
    Kind("contact", "联络记录", "条", ONE_BY_ONE, Contact, _contacts, _go_contacts,
         day_of=lambda row: local(row.at).date()),
    Kind("cluster_report", "疑似聚集报告的文字", "份", "清空文字，只留数字和时间", ClusterReport, _cluster_reports,
         _go_cluster_reports, day_of=lambda row: local(row.at).date(), district=ClusterReport.district_id),
    Kind("cluster_alert", "聚集提示的误报原因", "条", "清空文字", ClusterAlert, _cluster_alerts, _go_cluster_alerts,
         day_of=lambda row: local(row.at).date(), district=ClusterAlert.district_id),
    Kind("closure", "停产放假的原因和异议", "次", "清空文字，只留日期和人数", Closure, _closures, _go_closures),
    Kind("plan", "年度计划", "份", "逐份删除，连同活动和证明材料", HealthPlan, _plans, _go_plans,
         day_of=lambda row: date(row.year, 12, 31), most=20),
    Kind("letter", "责任书", "份", "逐份删除，连同签署记录、存证、签署链接、PDF和扫描件", Letter, _letters, _go_letters,
         day_of=_letter_ended, most=50, district=Letter.district_id),
    Kind("letter_signer", "签署人备案", "条", "逐条删除，连同授权书", LetterSigner, _letter_signers, _go_letter_signers,
         day_of=_signer_ended, most=50),
)  # fmt: skip


AFTER = {
    kind.key: replace(kind, ended=partial(kind.ended, after=True))
    for kind in KINDS
    if kind.ended in (_files, _letter_signers)
}


def due(session: Session, plan: Plan, *, most: int | None = None, in_one_run: bool = True) -> dict[str, int]:
    """How much of each kind a plan would destroy; nothing of what it would not. With `most` nobody counts further than one beyond it.

    `in_one_run`: a file goes in the run of what hangs on it, and is counted with it, an authority in that of its letters; else those
    on which nothing hangs now, which is soon known.
    """
    if plan.staff is None:
        return {}
    found = {
        kind.key: count_of(session, (AFTER.get(kind.key, kind) if in_one_run else kind).due(plan), most)
        for kind in KINDS
    }
    return {key: number for key, number in found.items() if number}


def count_of(session: Session, query: Any, most: int | None) -> int:
    """How many rows, counted no further than one beyond `most`."""
    query = query.order_by(None) if most is None else query.order_by(None).limit(most + 1)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


# --- what the enterprise reads of somebody who has left ---


@dataclass(frozen=True, slots=True)
class Leaving:
    """When what of a person's file is destroyed, at the beginning of these days."""

    contact_on: date
    file_on: date
    occupational: bool


def leaving(employee: Employee, check_ups: Sequence[CheckUp], retention: Retention, left_on: date) -> Leaving:
    """By the last day at work and the examinations on file; the same days as `_contact_facts` and `_files`."""
    examined = [
        one.done_on
        for one in check_ups
        if one.kind != CheckUpKind.GENERAL and one.done_on is not None and one.replaced_at is None
    ]
    contact_on = left_on + timedelta(days=retention.health_days)
    if not employee.hazards and not examined:
        return Leaving(contact_on, left_on + timedelta(days=retention.leaver_days), occupational=False)
    return Leaving(
        contact_on, years_after(max([left_on, *examined]), retention.occupational_years), occupational=True
    )


def years_after(day: date, years: int) -> date:
    """The same day so many years later; after 29 February the next there is."""
    leap = day.month == 2 and day.day == 29
    return date(day.year + years, 2, 28) + ONE if leap else day.replace(year=day.year + years)
