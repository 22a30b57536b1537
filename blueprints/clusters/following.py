"""One suspected cluster (一份报告): accepted, verified, followed with what was done, ended with a conclusion; and on paper."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from blueprints.clusters import bp
from blueprints.clusters.forms import CloseForm, StepForm, VerifyForm
from blueprints.clusters.shown import acting, offices, policy_of_record, sees_names
from blueprints.web import guard, jobs, pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import JustAct
from blueprints.web.guard import can, commit, needs
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import cluster_alerts, clusters, inbox
from models.base import RuleBroken, db
from models.clusters import ClusterReport, ClusterStep, Conclusion, Stage, StepKind
from models.places import District

SHOWN = 60  # follow-ups that may be linked, on one page
STALE = "这一页放得太久，请刷新后再按一次"


@bp.get("/clusters/<int:cluster_report_id>")
@needs("cluster:see", ClusterReport)
def show(cluster_report: ClusterReport) -> ResponseReturnValue:
    """The report with its story. Whoever opens it has read what told of it; looking at names is kept."""
    key = f"cluster:{cluster_report.id}"
    if inbox.is_unread_about(db.session(), current_user.id, key):
        guard.note(lambda session: inbox.read_about(session, current_user.id, key, site.now()))
    if sees_names(cluster_report):
        guard.seen(look="疑似聚集报告")
    return _shown(cluster_report)


@bp.post("/clusters/<int:cluster_report_id>/accept")
@needs("cluster:judge", ClusterReport)
def accept(cluster_report: ClusterReport) -> ResponseReturnValue:
    """Somebody sees to it from now on; the time is measured against the scheme's limit."""
    if not JustAct().validate_on_submit():
        raise RuleBroken(STALE)
    step = _step(cluster_report, StepKind.ACCEPTED, "cluster:judge")
    commit(step=step.kind.value, in_time=not cluster_report.is_acceptance_late(site.now()))
    flash("已受理，请马上核实", "ok")
    jobs.begin_going_out()
    return _back(cluster_report)


@bp.post("/clusters/<int:cluster_report_id>/steps")
@needs("cluster:follow", ClusterReport)
def step(cluster_report: ClusterReport) -> ResponseReturnValue:
    """What was done: a measure, the report to the disease control, a change of numbers, a note."""
    form = StepForm()
    if not form.validate_on_submit():
        return _shown(cluster_report, step=form)
    kind = StepKind(form.kind.data)
    return _taken(
        cluster_report, form, "cluster:follow", kind, text=form.text.data or "",
        to_whom=(form.to_whom.data or "") if kind is StepKind.TOLD else "",
        people=form.people.data if kind is StepKind.CHANGED else None,
    )  # fmt: skip


@bp.post("/clusters/<int:cluster_report_id>/judge")
@needs("cluster:judge", ClusterReport)
def judge(cluster_report: ClusterReport) -> ResponseReturnValue:
    """Verified with a number and how, or ended with a conclusion and on what grounds: `act` says which form was sent."""
    if request.form.get("act") == "close":
        close = CloseForm()
        if not close.validate_on_submit():
            return _shown(cluster_report, close=close)
        return _taken(
            cluster_report, close, "cluster:judge", StepKind.CLOSED, text=close.close_text.data or "",
            conclusion=Conclusion(close.conclusion.data),
        )  # fmt: skip
    verify = VerifyForm()
    if not verify.validate_on_submit():
        return _shown(cluster_report, verify=verify)
    return _taken(
        cluster_report, verify, "cluster:judge", StepKind.VERIFIED, text=verify.verify_text.data or "",
        people=verify.verify_people.data,
    )  # fmt: skip


@bp.post("/clusters/<int:cluster_report_id>/people")
@needs("cluster:link", ClusterReport)
def link(cluster_report: ClusterReport) -> ResponseReturnValue:
    """Which of the enterprise's own follow-ups belong to it. Others learn how many, never who."""
    if not JustAct().validate_on_submit():
        raise RuleBroken(STALE)
    session, report = db.session(), clusters.alone(db.session(), cluster_report)
    among = [one.id for one in clusters.linkable(session, report, SHOWN)]
    chosen = [int(one) for one in request.form.getlist("follow_up") if one.isascii() and one.isdigit()]
    number = clusters.link(session, report, chosen, among=among)
    commit(linked=number)
    flash(f"已关联{number}人；本企业以外只看得到人数", "ok")
    return _back(report, "linked")


@bp.get("/clusters/<int:cluster_report_id>/print.pdf")
@by_link
@needs("cluster:see", ClusterReport)
def print_pdf(cluster_report: ClusterReport) -> ResponseReturnValue:
    """On A4, to be signed and handed on. Numbers alone."""
    return hand_out(lambda: _as_pdf(cluster_report), name=f"疑似聚集报告-{cluster_report.number}.pdf")


def _as_pdf(report: ClusterReport) -> bytes:
    session = db.session()
    content = pdf.document(
        "documents/cluster.html", "plan.css", report=report, steps=clusters.steps_of(session, report), at=site.now(),
        author=session.get_one(District, report.district_id).organiser, linked=len(clusters.linked(session, report)),
        immediate=policy_of_record(report).clusters.immediate,
    )  # fmt: skip
    guard.seen(printed=report.number)
    return content


def _step(report: ClusterReport, kind: StepKind, action: str, **facts: object) -> ClusterStep:
    """One step, told to whom it concerns; two people at once: the second finds what the first has done."""
    session, now = db.session(), site.now()
    held = clusters.alone(session, report)
    taken = held.take(kind, now=now, by=current_user.account, post=acting(action), **facts)  # type: ignore[arg-type]
    session.flush()
    cluster_alerts.end_with(session, held, now)
    clusters.tell_step(session, held, taken, policy_of_record(held), now)
    return taken


def _taken(
    report: ClusterReport, form: FlaskForm, action: str, kind: StepKind, **facts: object
) -> ResponseReturnValue:
    name = {StepKind.VERIFIED: "verify", StepKind.CLOSED: "close"}.get(kind, "step")
    try:
        made = _step(report, kind, action, **facts)
    except RuleBroken as broken:
        db.session.rollback()
        form.form_errors.append(str(broken))
        return _shown(report, **{name: form})
    commit(
        step=made.kind.value, people=made.people, to=made.to_whom or None, conclusion=facts.get("conclusion")
    )
    flash(f"已记下：{made.kind.label}", "ok")
    jobs.begin_going_out()
    return _back(report)


def _back(report: ClusterReport, anchor: str | None = None) -> ResponseReturnValue:
    return done(url_for("clusters.show", cluster_report_id=report.id, _anchor=anchor))


def _shown(report: ClusterReport, **sent: FlaskForm) -> ResponseReturnValue:
    """The page; of its forms the one that was sent keeps what was typed and says what is wrong."""
    session, now = db.session(), site.now()
    names, policy = sees_names(report), policy_of_record(report)
    linked = clusters.linked(session, report)
    ours = report.reported_by_id == current_user.id
    return page(
        "clusters/show.html", form=next(iter(sent.values()), None), report=report, at=now, names=names,
        steps=clusters.steps_of(session, report), linked=linked, stages=_stages(report),
        people=clusters.linkable(session, report, SHOWN) if names else [], most=SHOWN,
        step=sent.get("step") or StepForm(formdata=None), verify=sent.get("verify") or VerifyForm(formdata=None),
        close=sent.get("close") or CloseForm(formdata=None), act=JustAct(formdata=None),
        may_judge=can("cluster:judge") and not ours, may_link=names and can("cluster:link"), ours=ours, Stage=Stage,
        immediate=policy.clusters.immediate, measured=_measured(report), **offices(report),
    )  # fmt: skip


def _measured(report: ClusterReport) -> dict[str, object]:
    """How long it took: from noticing to the report, and from there until somebody saw to it."""
    accepted = report.accepted_at - report.reported_at if report.accepted_at else None
    return {"reported": report.reported_at - report.noticed_at, "accepted": accepted}


def _stages(report: ClusterReport) -> list[tuple[str, str, str]]:
    """报告, 受理, 核实, 报疾控, 结束: each with what it looks like."""
    verified = report.stage in (Stage.VERIFIED, Stage.CLOSED)
    closed = report.stage is Stage.CLOSED
    told = report.told_at is not None
    steps = [
        ("报告", True),
        ("受理", report.accepted_at is not None),
        ("核实", verified),
        ("报疾控", told),
        ("结束", closed),
    ]
    shown, now_found = [], False
    for label, is_done in steps:
        if is_done:
            shown.append((label, "is-done", "circle-check"))
        elif closed:
            shown.append((label, "", "circle-minus"))
        elif not now_found:
            now_found = True
            shown.append((label, "is-now", "circle-dot"))
        else:
            shown.append((label, "", "circle-dashed"))
    return shown
