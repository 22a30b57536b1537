"""What is done about somebody who is not well (跟进): steps, the report to the community, the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from wtforms.validators import InputRequired, Length, Optional

from blueprints.health import bp
from blueprints.health.manage import offices
from blueprints.web import guard
from blueprints.web.fields import DayField, PlainLinesField, PlainTextField, RadioField, SelectField, options
from blueprints.web.guard import needs
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise
from models.follow_ups import (
    LEADS_TO,
    STAGES,
    Bitten,
    FollowUp,
    FollowUpStep,
    LookedBack,
    StepKind,
    cases_of,
)
from models.health_entries import SYMPTOM_WORDS
from models.policy.schema import Disease

STEPS = (StepKind.CONTACTED, StepKind.DOCTOR, StepKind.RESULT, StepKind.NOTE)
ENDS = (StepKind.BACK, StepKind.FALSE_ALARM)
MOST = 500


def _one_of(label: str, kinds: tuple[StepKind, ...], missing: str) -> RadioField:
    choices = options((kind.value, kind.label) for kind in kinds)
    return RadioField(label, choices=choices, validators=[InputRequired(missing)])


def _note(label: str) -> PlainLinesField:
    return PlainLinesField(label, [Length(max=MOST, message=f"最多{MOST}个字")])


class CaseForm(FlaskForm):
    """One of the forms of a case: what it offers depends on the case, and it does one thing to it."""

    def fit(self, case: FollowUp, offered: Sequence[Disease], disease: Disease | None) -> None:
        """As the case stands, before what was typed is looked at."""

    def taken(self) -> dict:
        """The step that was typed."""
        raise NotImplementedError

    def do(self, case: FollowUp) -> FollowUpStep:
        return case.take(now=site.now(), by_id=current_user.id, **self.taken())


class StepForm(CaseForm):
    kind = _one_of("办了什么", STEPS, "请选办了什么")
    disease = SelectField("医生说是什么病（有了结果时选，可以不选）", default="")
    text = _note("情况（有了结果、补记时必填）")

    def fit(self, case: FollowUp, offered: Sequence[Disease], _disease: Disease | None) -> None:
        """Where the scheme lists no disease nobody is asked for one (HLTH-6)."""
        self.offered = offered
        if not offered:
            del self.disease
            return
        self.disease.choices = options(
            ((one.key, one.label) for one in offered), empty="没有说，或者不在下面"
        )
        if not self.disease.raw_data:
            self.disease.data = case.disease or ""

    def taken(self) -> dict:
        chosen = self.disease.data if "disease" in self else None
        named = next((one for one in self.offered if one.key == chosen), None)
        return {"kind": StepKind(self.kind.data), "text": self.text.data or "", "disease": named}


class LookBackForm(CaseForm):
    """Asked back. Journey and bites of what mosquitoes carry alone."""

    area = PlainTextField("去过哪里（没有去外地就不填）", [Length(max=60, message="最多60个字")])
    back_on = DayField("哪天回来的", [Optional()])
    bitten = RadioField(
        "有没有被蚊子叮过",
        choices=options((one.value, one.label) for one in Bitten),
        validators=[InputRequired("请选有没有被蚊子叮过")],
    )
    answer = _note("问到了什么")

    def fit(self, _case: FollowUp, _offered: Sequence[Disease], disease: Disease | None) -> None:
        self.about = disease
        if disease is None or not disease.mosquito:
            del self.area, self.back_on, self.bitten

    def do(self, case: FollowUp) -> FollowUpStep:
        if self.about is None:
            raise RuleBroken("先记下医生说的病，再往前问")
        answers = LookedBack(text=self.answer.data or "")
        if self.about.mosquito:
            answers = LookedBack(
                answers.text, self.area.data or "", self.back_on.data, Bitten(self.bitten.data)
            )
        return case.look_back(self.about, answers, now=site.now(), by_id=current_user.id)


class AskAgainForm(CaseForm):
    again_text = _note("本人这两周怎么样")

    def taken(self) -> dict:
        return {"kind": StepKind.ASKED_AGAIN, "text": self.again_text.data or ""}


class ReportForm(CaseForm):
    to_whom = PlainTextField(
        "报告给谁",
        [InputRequired("请写报告给了谁，例如桂湖社区、区疾控中心"), Length(max=60, message="最多60个字")],
    )
    report_text = _note("报告了什么、对方怎么说（可不填）")

    def taken(self) -> dict:
        return {
            "kind": StepKind.REPORTED,
            "to_whom": self.to_whom.data or "",
            "text": self.report_text.data or "",
        }


class EndForm(CaseForm):
    how = _one_of("怎样结束", ENDS, "请选怎样结束")
    return_on = DayField("返岗日期（已返岗时填）", [Optional()])
    end_text = _note("说明（误报时必填）")

    def taken(self) -> dict:
        return_on: date | None = self.return_on.data
        return {"kind": StepKind(self.how.data), "return_on": return_on, "text": self.end_text.data or ""}


FORMS: dict[str, type[CaseForm]] = {
    "step": StepForm, "look_back": LookBackForm, "again": AskAgainForm, "report": ReportForm, "end": EndForm,
}  # fmt: skip


@bp.get("/enterprises/<int:enterprise_id>/health/cases")
@needs("health:manage", Enterprise)
def cases(enterprise: Enterprise) -> ResponseReturnValue:
    """Open cases, the overdue on top; or the closed ones."""
    closed = request.args.get("state") == "closed"
    number = {
        state: db.session.scalar(
            select(func.count()).select_from(cases_of(enterprise.id, closed=state).subquery())
        )
        for state in (False, True)
    }
    return page(
        "health/cases.html", enterprise=enterprise, closed=closed, number=number, at=site.now(),
        paging=paged(cases_of(enterprise.id, closed=closed)),
    )  # fmt: skip


@bp.route("/enterprises/<int:enterprise_id>/health/cases/<int:follow_up_id>", methods=["GET", "POST"])
@needs("health:manage", Enterprise)
@needs("health:manage", FollowUp)
def case(enterprise: Enterprise, follow_up: FollowUp) -> ResponseReturnValue:
    """One case. A POST takes a step of it, reports it, or ends it: `act` says which of the forms was sent."""
    if follow_up.enterprise_id != enterprise.id:
        guard.refuse(404, g.action, object_type="follow_up", object_id=str(follow_up.id))
    sent = request.form.get("act", "step") if request.method == "POST" else ""
    forms = {name: form() if name == sent else form(formdata=None) for name, form in FORMS.items()}
    policy = policy_on(enterprise.district_id, local(site.now()).date())
    disease = policy.clusters.disease(follow_up.disease) if policy else None
    for one in forms.values():
        one.fit(follow_up, policy.clusters.diseases if policy else (), disease)
    form = forms.get(sent)
    if form is not None and form.validate_on_submit():
        # two people at once: the second finds what the first has done
        db.session.refresh(follow_up, with_for_update=True)
        try:
            step = form.do(follow_up)
        except RuleBroken as broken:
            form.form_errors.append(str(broken))
        else:
            guard.commit(step=step.kind.value, to=step.to_whom or None)
            flash(f"已记下：{step.kind.label}", "ok")
            return done(url_for("health.case", enterprise_id=enterprise.id, follow_up_id=follow_up.id))
    if request.method == "GET":
        guard.seen(look="跟进")
    return page(
        "health/case.html", enterprise=enterprise, case=follow_up, employee=follow_up.employee, entry=follow_up.entry,
        told=follow_up.entry.told, symptoms=[SYMPTOM_WORDS[one][0] for one in follow_up.entry.told.symptoms], form=form,
        step=forms["step"], look_back=forms["look_back"], again=forms["again"], report=forms["report"], end=forms["end"],
        disease=disease, asked_since=follow_up.asked_since(disease) if disease else None, looked_back=_last(follow_up),
        stages=_stages(follow_up), at=site.now(),
        today=local(site.now()).date(), reported=[s for s in follow_up.steps if s.kind == StepKind.REPORTED],
        icons=ICONS, **offices(enterprise),
    )  # fmt: skip


def _last(follow_up: FollowUp) -> FollowUpStep | None:
    """When it was last asked back."""
    return next((one for one in reversed(follow_up.steps) if one.kind == StepKind.LOOKED_BACK), None)


ICONS = {
    StepKind.CONTACTED: "phone", StepKind.DOCTOR: "stethoscope", StepKind.RESULT: "clipboard-list",
    StepKind.LOOKED_BACK: "history", StepKind.ASKED_AGAIN: "phone",
    StepKind.REPORTED: "megaphone", StepKind.NOTE: "notebook-pen", StepKind.BACK: "circle-check",
    StepKind.FALSE_ALARM: "circle-minus",
}  # fmt: skip


def _stages(follow_up: FollowUp) -> list[tuple[str, str, str]]:
    """(label, is-done / is-now / nothing, icon) of each stage."""
    done_by = {LEADS_TO[step.kind] for step in follow_up.steps if step.kind in LEADS_TO}
    found = []
    for number, stage in enumerate(STAGES):
        after = STAGES[number + 1] if number + 1 < len(STAGES) else None
        finished = after in done_by if after else follow_up.return_on is not None
        is_now = follow_up.closed_at is None and stage == follow_up.stage
        state, shape = (
            ("is-done", "circle-check")
            if finished
            else ("is-now", "circle-dot")
            if is_now
            else ("", "circle-dashed")
        )
        found.append((stage.label, state, shape))
    return found
