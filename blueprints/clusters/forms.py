"""Forms of suspected clusters: the report, a step, the verification, the end, a false alarm."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime

from flask_wtf import FlaskForm
from wtforms import HiddenField, ValidationError
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from blueprints.web.fields import (
    DayField,
    MomentField,
    MultiCheckboxField,
    PlainLinesField,
    PlainTextField,
    RadioField,
    SelectField,
    WholeField,
    number_or_none,
    options,
)
from models.base import local
from models.clusters import (
    LONGEST_OFFICE,
    LONGEST_PLACE,
    LONGEST_TEXT,
    MOST_PEOPLE,
    Conclusion,
    Facts,
    Measure,
    Signal,
    StepKind,
)

KEY = re.compile(r"[0-9a-f]{24}")
FOLLOW = (StepKind.MEASURE, StepKind.TOLD, StepKind.CHANGED, StepKind.NOTE)


def _people(label: str, *validators: object) -> WholeField:
    number = NumberRange(0, MOST_PEOPLE, message=f"填0到{MOST_PEOPLE}之间的整数")
    return WholeField(label, validators=[*validators, number], example="3")


def _lines(label: str, *validators: object) -> PlainLinesField:
    return PlainLinesField(label, [*validators, Length(max=LONGEST_TEXT, message=f"最多{LONGEST_TEXT}个字")])


class ReportForm(FlaskForm):
    """What is needed at once stands first; the rest may be left empty."""

    key = HiddenField()
    enterprise_id = SelectField("哪家企业", coerce=number_or_none)
    signal = RadioField(
        "有什么相似症状", choices=options((one.value, one.label) for one in Signal),
        validators=[InputRequired("请选有什么相似症状")],
    )  # fmt: skip
    people = _people("有相似症状的人数", InputRequired("请填有相似症状的人数"))
    noticed_at = MomentField("什么时候发现的", validators=[InputRequired("请填什么时候发现的")])
    measures = MultiCheckboxField("已经做了什么", choices=options((one.value, one.label) for one in Measure))
    where = PlainTextField("在哪里", [Length(max=LONGEST_PLACE, message=f"最多{LONGEST_PLACE}个字")])
    hospital = _people("其中就医的人数", Optional())
    first_onset_on = DayField("最早发病的日期", [Optional()])
    text = _lines("情况")

    def begin(self, now: datetime) -> None:
        """As it is opened: noticed now, and a number by which a second sending of it is known."""
        self.key.data = secrets.token_hex(12)
        self.noticed_at.data = local(now).replace(second=0, microsecond=0)

    def validate_key(self, field: HiddenField) -> None:
        if not KEY.fullmatch(field.data or ""):
            raise ValidationError("这一页不完整，请重新打开再填")

    def facts(self) -> Facts:
        return Facts(
            signal=Signal(self.signal.data), people=self.people.data, noticed_at=self.noticed_at.data,
            hospital=self.hospital.data or 0, where=self.where.data or "", first_onset_on=self.first_onset_on.data,
            measures=tuple(map(Measure, self.measures.data or ())), text=self.text.data or "",
        )  # fmt: skip


class StepForm(FlaskForm):
    kind = RadioField(
        "办了什么",
        choices=options((one.value, one.label) for one in FOLLOW),
        validators=[InputRequired("请选办了什么")],
    )
    to_whom = PlainTextField(
        "报给谁（报疾控时填）", [Length(max=LONGEST_OFFICE, message=f"最多{LONGEST_OFFICE}个字")]
    )
    people = _people("现在有相似症状的人数（人数变化时填）", Optional())
    text = _lines("情况（采取措施、补记时必填）")


class VerifyForm(FlaskForm):
    verify_people = _people("核实下来有相似症状的人数", InputRequired("请填核实下来的人数，没有就填0"))
    verify_text = _lines("怎么核实的", InputRequired("请写怎么核实的，日后看得懂"))


class CloseForm(FlaskForm):
    conclusion = RadioField(
        "结论",
        choices=options((one.value, one.label) for one in Conclusion),
        validators=[InputRequired("请选结论")],
    )
    close_text = _lines("依据", InputRequired("请写依据，例如多少天没有新的病例"))


class DismissForm(FlaskForm):
    reason = _lines("为什么是误报", InputRequired("请写为什么是误报，日后看得懂"))


def firms_to_choose(rows: Iterable[tuple[int, str]]) -> list:
    return options(((str(number), name) for number, name in rows), empty="几家企业，或者公共区域")
