"""What a new district still needs (开通清单, settled 4.10): each step with its state and the way to where it is done."""

from __future__ import annotations

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.office import bp
from blueprints.web.guard import can, needs
from blueprints.web.page import page
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models import checklist as lists
from models.base import db, local
from models.checklist import Step

# where a step is done: the endpoint, its action, what the link says, the address's query; tried in turn
WAYS: dict[str, tuple[tuple[str, str, str, dict[str, str]], ...]] = {
    "scheme": (("office.schemes", "policy:see", "去采用方案", {}),),
    "areas": (("admin.areas", "place:manage", "去添加", {}),),
    "places": (
        ("admin.places", "place:manage", "去添加场所和入口", {}),
        ("office.overview", "place:oversee", "看各场所", {}),
    ),
    "codes": (("admin.places", "place:manage", "看各入口", {}),),
    "register": (
        ("imports.register", "register:import", "导入企业名册", {}),
        ("enterprises.index", "enterprise:oversee", "看企业", {}),
    ),
    "headcount": (("enterprises.index", "enterprise:oversee", "看没填人数的", {"lack": "headcount"}),),
    "liaisons": (("accounts.invite", "person:invite", "邀请联络员", {}),),
    "specialists": (("office.overview", "place:oversee", "看缺专员的场所", {"show": "vacant"}),),
    "posts": (("enterprises.index", "enterprise:oversee", "看缺岗位的", {"lack": "posts"}),),
    "invitations": (("accounts.people", "person:invite", "看邀请", {"state": "invited"}),),
    "entries": (("office.overview", "place:oversee", "看各场所", {}),),
}
# who does what the person at the door cannot
ELSE = {
    "areas": "由系统管理员添加",
    "places": "由系统管理员添加",
    "codes": "由系统管理员发码，健康管理专员打印张贴",
    "invitations": "由专班、联络员发出",
    "scheme": "由专班采用",
    "employees": "由各企业的健康管理员建立",
}


@bp.get("/office/checklist")
@needs("checklist:see")
def checklist() -> ResponseReturnValue:
    """An administrator reads the frame alone; the task force all of it."""
    now = site.now()
    policy = policy_on(current_user.district_id, local(now).date())
    steps = lists.steps(db.session(), current_user.district_id, policy, now)
    if not can("place:oversee"):
        steps = [step for step in steps if step.set_up]
    return page(
        "office/checklist.html",
        steps=[(step, *_way(step)) for step in steps],
        open=sum(not step.done for step in steps),
    )


def _way(step: Step) -> tuple[str, str]:
    """The link and its words, or no link and who does it."""
    for endpoint, action, words, query in WAYS.get(step.key, ()):
        if can(action):
            return url_for(endpoint, **query), words
    return "", ELSE.get(step.key, "")
