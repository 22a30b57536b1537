"""The kinds of rule a scheme (实施方案) is made of, as frozen records. Its numbers and words come from packs.

The closed lists below are the site's contract: a word that stands in one of them has code behind it. A pack
chooses among them; it cannot add to them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Literal, get_args


class Mode(StrEnum):
    """The response mode (常态 / 应急) of a place or a district."""

    NORMAL = "normal"
    EMERGENCY = "emergency"

    @property
    def label(self) -> str:
        return {"normal": "常态", "emergency": "应急"}[self.value]


class Effect(StrEnum):
    """What an answer at the gate leads to, from mild to severe: of several, the most severe one decides."""

    PASS = "pass"
    ATTENTION = "attention"
    REFUSED = "refused"


class WorkerKind(StrEnum):
    """Under whose contract a person works (用工类型)."""

    OWN = "own"
    DISPATCHED = "dispatched"
    OUTSOURCED = "outsourced"
    INTERN = "intern"
    RE_EMPLOYED = "re_employed"

    @property
    def label(self) -> str:
        return {
            "own": "本单位职工",
            "dispatched": "劳务派遣",
            "outsourced": "外包驻场",
            "intern": "实习",
            "re_employed": "退休返聘",
        }[self.value]


class Rounding(StrEnum):
    """Whether a part of a step counts: 满200人 rounds down, 每200人或不足200人 rounds up."""

    DOWN = "down"
    UP = "up"


PostCode = Literal[
    "chief_health_officer", "health_manager", "specialist", "unit_liaison", "community_liaison",
    "task_force", "gate_guard", "health_guide",
]  # fmt: skip
Scope = Literal["enterprise", "place", "grid", "community", "unit", "district"]
QuestionKind = Literal["name", "mobile", "temperature", "choice", "choices", "enterprise", "text"]
FieldName = Literal[
    "name", "mobile", "temperature", "mask", "code_status", "risk_area_14d", "overseas_21d", "symptoms",
    "enterprise", "purpose",
]  # fmt: skip

# Each field of the gate form is answered in one way. The pack words the question, not the kind of answer.
KIND_OF_FIELD: Mapping[str, QuestionKind] = MappingProxyType(
    {
        "name": "name",
        "mobile": "mobile",
        "temperature": "temperature",
        "mask": "choice",
        "code_status": "choice",
        "risk_area_14d": "choice",
        "overseas_21d": "choice",
        "symptoms": "choices",
        "enterprise": "enterprise",
        "purpose": "text",
    }
)

Symptom = Literal[
    "fever", "cough", "sore_throat", "runny_nose", "headache", "dizziness", "fatigue", "muscle_ache",
    "joint_pain", "rash", "red_eyes", "swollen_parotid", "abdominal_pain", "diarrhoea", "vomiting",
    "smell_taste_loss", "shortness_of_breath", "other",
]  # fmt: skip
SYMPTOMS: tuple[str, ...] = get_args(Symptom)

# The values of a choice. Of the symptoms a pack offers some, and always "none"; of the others every one.
VALUES_OF_FIELD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mask": ("yes", "no"),
        "code_status": ("green", "yellow", "red", "unavailable"),
        "risk_area_14d": ("yes", "no"),
        "overseas_21d": ("yes", "no"),
        "symptoms": ("none", *SYMPTOMS),
    }
)

# A plain visitor registration asks none of these (HLTH-10).
HEALTH_FIELDS = frozenset({"temperature", *VALUES_OF_FIELD})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from (出处). `checked`: when and where somebody read it there; empty: nobody did."""

    document: str
    clause: str
    checked: str = ""

    @property
    def citable(self) -> bool:
        """Only a checked citation is printed on a visitor's page, a letter or a notice."""
        return bool(self.checked)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose (选项). What does not pass has a reason, and may tell the visitor what to do."""

    named_by: ClassVar[str] = "value"

    value: str
    label: str
    label_en: str
    effect: Effect = Effect.PASS
    reason: str = ""
    reason_en: str = ""
    next_step: str = ""
    next_step_en: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a gate form (登记项)."""

    named_by: ClassVar[str] = "field"

    field: FieldName
    kind: QuestionKind
    label: str
    label_en: str
    required: bool
    source: Source
    hint: str = ""
    hint_en: str = ""
    choices: tuple[Choice, ...] = ()

    def choice(self, value: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.value == value), None)


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """The word on the pass for one effect (通行、请门岗核验、禁止进入; 已登记 where nothing is judged)."""

    named_by: ClassVar[str] = "effect"

    effect: Effect
    label: str
    label_en: str


@dataclass(frozen=True, slots=True)
class GateForm:
    """What a gate asks in one response mode (登记表). A form that is not judged is plain registration."""

    mode: Mode
    judged: bool
    word: bool  # whether the pass carries the word of the minute (口令)
    pass_minutes: int
    verdicts: tuple[VerdictWords, ...]
    questions: tuple[Question, ...]
    source: Source

    def question(self, field: str) -> Question | None:
        return next((question for question in self.questions if question.field == field), None)

    def asks(self, field: str) -> bool:
        return self.question(field) is not None

    def verdict(self, effect: Effect) -> VerdictWords:
        """The words for this effect; a KeyError where the form has none (registration never refuses)."""
        words = {verdict.effect: verdict for verdict in self.verdicts}
        return words[effect]

    def verdict_label(self, effect: Effect) -> str:
        return self.verdict(effect).label

    def verdict_label_en(self, effect: Effect) -> str:
        return self.verdict(effect).label_en


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Body temperature in ℃ (体温): refused from fever on, below low measured again."""

    fever_celsius: Decimal
    low_celsius: Decimal
    floor_celsius: Decimal
    ceiling_celsius: Decimal
    recheck_minutes: int
    source: Source


@dataclass(frozen=True, slots=True)
class LookBack:
    """How many days back the travel questions reach (旅居史)."""

    risk_area_days: int
    overseas_days: int
    source: Source


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days a check-in is kept (保存期限), and the most within an opened emergency; in which modes a visitor may have
    their own deleted before (访客删除). Then what enterprises keep of their people: what is of health after recovery, return or
    the last day at work; an open case without a sign of life; the file of who left, and of who was exposed."""

    check_in_days: int
    emergency_max_days: int
    visitor_may_delete: Mapping[Mode, bool]
    health_days: int
    open_case_days: int
    leaver_days: int
    occupational_years: int
    contact_log_days: int
    plan_years: int
    letter_years: int
    source: Source


@dataclass(frozen=True, slots=True)
class PerFurther:
    """One more of a post for each further step of staff (每增加200人增设1名) beyond a head count."""

    post: PostCode
    step: int
    beyond: int
    required: Rounding
    advised: Rounding

    def count(self, headcount: int, rounding: Rounding) -> int:
        further = max(headcount - self.beyond, 0)
        return -(-further // self.step) if rounding is Rounding.UP else further // self.step


@dataclass(frozen=True, slots=True)
class StaffingBand:
    """One band of head counts (人员规模档) and the posts it asks for. The last band has no `upto`."""

    named_by: ClassVar[str] = "above"

    above: int
    upto: int | None
    required: Mapping[PostCode, int]
    team: bool  # a management team on file: leader, deputy, charter
    by_representative: bool  # the legal representative acts as health manager, without an appointment
    sentence: str
    source: Source
    per_further: PerFurther | None = None
    advised: Mapping[PostCode, int] = field(default_factory=lambda: MappingProxyType({}))
    # who may hold a post, in words: whoever appoints confirms it and writes down the person's position
    held_by: Mapping[PostCode, str] = field(default_factory=lambda: MappingProxyType({}))

    def holds(self, headcount: int, *, lower_inclusive: bool) -> bool:
        """Whether the head count lies in this band. One bound is the band's, the other its neighbour's."""
        if lower_inclusive:
            return self.above <= headcount and (self.upto is None or headcount < self.upto)
        return self.above < headcount and (self.upto is None or headcount <= self.upto)


@dataclass(frozen=True, slots=True)
class StaffingDuty:
    """The posts an enterprise owes (应设岗位). Both columns name each post the rule speaks of, 0 too."""

    required: Mapping[str, int]
    advised: Mapping[str, int]
    team: bool
    by_representative: bool
    sentence: str
    source: Source
    held_by: Mapping[PostCode, str]


@dataclass(frozen=True, slots=True)
class StaffingRule:
    """Who is appointed at what head count (岗位配备). `carry_over`: the posts of smaller bands stay owed."""

    lower_inclusive: bool
    carry_over: bool
    grace_days: int
    counted_kinds: tuple[WorkerKind, ...]
    bands: tuple[StaffingBand, ...]

    def duty(self, headcount: int | None) -> StaffingDuty | None:
        """What this head count asks for. None for an unknown or zero one: not judged, so never compliant."""
        if headcount is None or headcount <= 0:
            return None
        position = self._position(headcount)
        band = self.bands[position]
        carried = self.bands[:position] if self.carry_over else ()
        required = _most_of_each([band.required, *(smaller.required for smaller in carried)])
        advised = _most_of_each([band.advised, required])
        if band.per_further is not None:
            further, post = band.per_further, band.per_further.post
            required[post] = required.get(post, 0) + further.count(headcount, further.required)
            advised[post] = advised.get(post, 0) + further.count(headcount, further.advised)
        posts = self.posts()
        return StaffingDuty(
            required=MappingProxyType({post: required.get(post, 0) for post in posts}),
            advised=MappingProxyType({post: advised.get(post, 0) for post in posts}),
            team=band.team,
            by_representative=band.by_representative,
            sentence=band.sentence,
            source=band.source,
            held_by=band.held_by,
        )

    def posts(self) -> tuple[PostCode, ...]:
        """Every post that some band speaks of, in the order of the bands."""
        named: dict[PostCode, None] = {}
        for band in self.bands:
            named.update(dict.fromkeys([*band.required, *band.advised]))
            if band.per_further is not None:
                named[band.per_further.post] = None
        return tuple(named)

    def _position(self, headcount: int) -> int:
        for position, band in enumerate(self.bands):
            if band.holds(headcount, lower_inclusive=self.lower_inclusive):
                return position
        raise LookupError(f"没有哪一档包括{headcount}人")  # the loader refuses a pack with such a gap


def _most_of_each(counts: Iterable[Mapping[PostCode, int]]) -> dict[PostCode, int]:
    most: dict[PostCode, int] = {}
    for count in counts:
        for post, number in count.items():
            most[post] = max(number, most.get(post, 0))
    return most


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often enterprises report in one response mode (报送周期), and until when.

    Times are wall time of the district. `counted_kinds` are the workers whom a report covers. An order that
    changes the mode before `cut_off` takes the same day into the new mode. A number that is watched needs a comment when it
    is `jump_times` the mean of the enterprise's last `jump_reports` reports and at least `jump_least` above it.
    """

    mode: Mode
    period: Literal["day", "week", "month"]
    opens_days_before_end: int  # from when a report is taken: the last day is 0
    soon_hours: int  # so long before it is due, it is called due soon
    due_days_after: int
    due_time: time
    moves_on_holidays: bool  # whether a due time on a holiday moves to noon of the next working day
    locks_days_after_due: int
    cut_off: time
    jump_times: int
    jump_least: int
    jump_reports: int
    counted_kinds: tuple[WorkerKind, ...]
    source: Source

    def due_at(self, last_day: date) -> datetime:
        """Until when a report on the period that ends on `last_day` is on time, unless a holiday moves it."""
        return datetime.combine(last_day + timedelta(days=self.due_days_after), self.due_time)

    def locks_at(self, due_at: datetime) -> datetime:
        """From when on a report that was due then is no longer taken without an exception."""
        return due_at + timedelta(days=self.locks_days_after_due)


ReportKey = Literal[
    "expected", "present", "absent_ill", "measured", "fever", "symptoms", "risk_area", "overseas", "code_yellow",
    "code_red", "visitors", "visitors_travelled", "vaccinated_full", "vaccinated_booster", "follow_ups_open",
    "follow_ups_closed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportField:
    """One number of an enterprise's report (报送项). `fill` says where it comes from: computed from the archive and not typed;
    taken from the archive and open to change; or fresh, asked anew each time and never filled in before."""

    named_by: ClassVar[str] = "key"

    key: ReportKey
    group: str
    label: str
    modes: tuple[Mode, ...]
    fill: Literal["computed", "archive", "fresh"]
    zero: bool  # whether it is nought in a zero report (零报告)
    watched: bool  # whether a jump asks for a comment
    source: Source
    hint: str = ""
    at_most: ReportKey | None = None  # never more than this other number


SignalKey = Literal["respiratory", "gut", "rash", "red_eyes", "swollen_parotid"]


@dataclass(frozen=True, slots=True)
class ImmediateReport:
    """The report of a suspected cluster (疑似聚集报告): until when, who is told at once, what has to be done meanwhile (HLTH-8)."""

    report_minutes: int  # from when it was noticed
    accept_minutes: int  # from when it was reported
    tell: tuple[PostCode, ...]
    steps: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class SignalRule:
    """Symptoms that count as alike (相似症状). Who reaches the scheme's fever has one, said so or not."""

    named_by: ClassVar[str] = "key"

    key: SignalKey
    symptoms: tuple[Symptom, ...]


@dataclass(frozen=True, slots=True)
class Disease:
    """A disease that a doctor has named (医生说的病). Health staff may record it of a case, and then ask back over `look_back_days`
    before its first day. One that mosquitoes carry is asked about travel and bites, and again two weeks after the return (HLTH-5)."""

    named_by: ClassVar[str] = "label"

    key: str  # as it is kept
    label: str
    source: Source
    look_back_days: int = 14
    mosquito: bool = False
    asks: tuple[str, ...] = ()  # what else to ask


@dataclass(frozen=True, slots=True)
class ClusterRule:
    """So many people in so many days raise an alert (聚集提示): in a team or dormitory, in an enterprise, or in a place, where they have
    to be of `firms` enterprises. Either with like symptoms, where `symptoms` and `celsius` narrow down who counts; or with one and
    the same of these diseases, by their labels, as a doctor has named it. Of several signals or diseases each counts for itself."""

    named_by: ClassVar[str] = "label"

    label: str
    subject: Literal["group", "enterprise", "place"]
    people: int
    days: int
    source: Source
    signals: tuple[SignalKey, ...] = ()
    diseases: tuple[str, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    celsius: Decimal | None = None
    firms: int = 1


@dataclass(frozen=True, slots=True)
class FigureRule:
    """A number of one report that raises an alert, for enterprises whose archive says less."""

    named_by: ClassVar[str] = "figure"

    figure: ReportKey
    signal: SignalKey
    people: int
    source: Source


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """Absence for illness against an enterprise's own usual: `times` the mean of its last `usual_days` working days, and at least
    `least` people. With fewer than `enough_days` of them nothing is usual yet."""

    times: int
    least: int
    usual_days: int
    enough_days: int
    source: Source


@dataclass(frozen=True, slots=True)
class CurveRule:
    """The curve of symptoms by week (症状曲线), its usual band, and below which number of people a cell says nothing but that."""

    weeks: int
    usual_weeks: int
    enough_weeks: int
    deviations: int
    margin: int  # the band is at least so many percent of the mean wide, up and down
    small: int
    source: Source


@dataclass(frozen=True, slots=True)
class Clusters:
    """What a scheme says of clusters of illness (聚集性病例): reporting, alerts, and the watch in normal times."""

    immediate: ImmediateReport
    signals: tuple[SignalRule, ...]
    rules: tuple[ClusterRule, ...]
    figures: tuple[FigureRule, ...]
    absence: AbsenceRule
    curve: CurveRule
    diseases: tuple[Disease, ...] = ()  # with none nobody is asked what a doctor has said (HLTH-6)

    def disease(self, key: str | None) -> Disease | None:
        return next((one for one in self.diseases if one.key == key), None)

    def symptoms_of(self, key: str) -> frozenset[str]:
        return frozenset(
            symptom for signal in self.signals if signal.key == key for symptom in signal.symptoms
        )


@dataclass(frozen=True, slots=True)
class PostRule:
    """A post of the scheme (岗位): what it is called, over what it is held, and in one sentence what for."""

    named_by: ClassVar[str] = "code"

    code: PostCode
    label: str
    scope: tuple[Scope, ...]
    duty: str
    source: Source


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """How many specialists (健康管理专员) a park or a building needs at least (PLC-5)."""

    named_by: ClassVar[str] = "kind"

    kind: Literal["park", "building"]
    specialists_required: int
    source: Source


LetterKind = Literal["enterprise", "park_operator", "building_operator"]


@dataclass(frozen=True, slots=True)
class LetterTemplate:
    """The wording of one kind of responsibility letter (责任书): the paragraphs of each part, in their order. `${starts_on}` and
    `${ends_on}` are still blank; the figures of the scheme are filled in already."""

    named_by: ClassVar[str] = "kind"

    kind: LetterKind
    title: str
    months: int  # how long it holds, unless the officer says otherwise
    aim: str
    basis: tuple[str, ...]  # the documents with their articles
    unit_duties: tuple[str, ...]  # of the district's side, 甲方
    firm_duties: tuple[str, ...]  # of the enterprise's side, 乙方
    term: tuple[str, ...]
    breach: tuple[str, ...]
    closing: tuple[str, ...]
    source: Source

    def preamble(self) -> str:
        """Why the two sides sign. A basis that nobody has checked is not cited."""
        cited = f"，依据{'、'.join(self.basis)}" if self.source.citable else ""
        return f"{self.aim}{cited}，甲乙双方签订本责任书。"


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of one scheme (方案包): everything the site asks the scheme."""

    scheme: str
    version: str
    title: str
    title_short: str
    status: Literal["in_force", "trial", "draft"]
    document: str
    effective_on: date
    digest: str
    posts: tuple[PostRule, ...]
    staffing: StaffingRule
    reporting: Mapping[Mode, Cadence]
    report: tuple[ReportField, ...]
    gate: Mapping[Mode, GateForm]
    thresholds: Thresholds
    look_back: LookBack
    retention: Retention
    places: tuple[PlaceRule, ...]
    clusters: Clusters
    letters: tuple[LetterTemplate, ...]
    measures_in_force: Mapping[Mode, bool]  # whether the gate's health measures apply in this mode (HLTH-10)

    @property
    def key(self) -> str:
        """The name under which districts adopt it and records keep it: `chengdu-hitech/2022-03-23`."""
        return f"{self.scheme}/{self.version}"

    def asked_in(self, mode: Mode) -> tuple[ReportField, ...]:
        """What a report asks in this mode, in the order of the form."""
        return tuple(one for one in self.report if mode in one.modes)

    def post(self, code: str) -> PostRule | None:
        return next((post for post in self.posts if post.code == code), None)

    def place(self, kind: str) -> PlaceRule | None:
        return next((place for place in self.places if place.kind == kind), None)

    def letter(self, kind: str) -> LetterTemplate:
        """The wording of this kind; the loader has seen to it that there is one."""
        return next(one for one in self.letters if one.kind == kind)
