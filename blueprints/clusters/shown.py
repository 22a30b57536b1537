"""What the pages of suspected clusters have in common: in which post one acts, the scheme, whom to call."""

from __future__ import annotations

from typing import Any

from blueprints.web.guard import serving
from blueprints.web.schemes import policy_on
from blueprints.web.sign_in import current_post
from blueprints.web.site import site
from models.access import ENTERPRISE_STAFF, GRANTS, Post
from models.base import RuleBroken, db, local
from models.clusters import Located
from models.enterprises import Enterprise
from models.places import Community, District, Place
from models.policy.schema import Policy


def acting(action: str) -> Post:
    """The post in which the person does this: the one they work in, if it may, else the first that may."""
    now = current_post()
    held = [one for one in serving() if one.post in GRANTS[action]]
    if now is not None and now.post in GRANTS[action]:
        return now.post
    return held[0].post


def policy_of(district_id: int) -> Policy:
    policy = policy_on(district_id, local(site.now()).date())
    if policy is None:
        raise RuleBroken("本区现在没有采用方案，请先打电话报告社区和区疾控中心")
    return policy


def policy_of_record(one: Any) -> Policy:
    """The scheme that judged it when it was made."""
    return site.book.get(one.scheme_key)


def offices(one: Located | Enterprise | Place) -> dict[str, Any]:
    """Whom to call of a suspected cluster (HLTH-8)."""
    session = db.session()
    return {
        "health_district": session.get(District, one.district_id),
        "community": session.get(Community, one.community_id) if one.community_id else None,
    }


def sees_names(one: Located) -> bool:
    """Whether the person is of the enterprise itself: named health is no other's (reports §5.8)."""
    return any(a.post in ENTERPRISE_STAFF and a.scope_id == one.enterprise_id for a in serving())
