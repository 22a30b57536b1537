"""What shows that an activity took place (证明材料): handed in, handed out, removed."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.plans import bp
from blueprints.plans.activities import page_of, shown
from blueprints.plans.answers import alone_with, saved
from blueprints.plans.forms import EvidenceForm
from blueprints.web.downloads import by_link, hand_out_kept
from blueprints.web.fields import JustAct
from blueprints.web.guard import needs
from blueprints.web.page import done
from blueprints.web.site import site
from models import files
from models.base import RuleBroken, db
from models.evidence import Evidence
from models.plans import Activity


@bp.post("/plans/activities/<int:activity_id>/evidence")
@needs("plan:draft", Activity)
def attach(activity: Activity) -> ResponseReturnValue:
    form = EvidenceForm()
    if form.validate_on_submit():
        db.session.rollback()  # nobody waits while a picture is made small
        try:
            with form.file.data.stream as stream:
                kind, content = files.taken(stream.read(files.MOST_BYTES + 1))
            alone_with(activity)
            made = Evidence.attach(
                db.session(), site.vault, activity, kind, content, form.words.data or "", now=site.now(),
                by_id=current_user.id,
            )  # fmt: skip
            return saved(f"“{made.called}”已附上。", page_of(activity), attached=made.number, kind=kind.label)
        except RuleBroken as refusal:
            form.file.errors = [str(refusal)]
    return shown(activity, form)


@bp.get("/plans/evidence/<int:evidence_id>")
@by_link
@needs("plan:draft", Evidence)
def hand_over(evidence: Evidence) -> ResponseReturnValue:
    """The file, to be saved, never to be opened on our address. Who took it is on record."""
    file = evidence.file
    if file is None:
        raise RuleBroken("这份材料已经删去了")
    return hand_out_kept(file, name=evidence.file_name, evidence=evidence.number)


@bp.post("/plans/evidence/<int:evidence_id>/remove")
@needs("plan:draft", Evidence)
def remove(evidence: Evidence) -> ResponseReturnValue:
    """Its content is deleted, the line stays."""
    where = url_for("plans.activity", activity_id=evidence.activity_id)
    if not JustAct().validate_on_submit():
        return done(where)
    alone_with(evidence.activity)
    db.session.refresh(evidence)
    evidence.remove(db.session(), now=site.now(), by_id=current_user.id)
    return saved(f"“{evidence.called}”已删去。", where, removed=evidence.number)
