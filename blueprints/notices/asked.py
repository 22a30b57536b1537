"""What the pages of notices have in common: where one may write to, which notice an address means, the way back after a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import flash, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import or_, select

from blueprints.web import guard
from blueprints.web.guard import commit, serving, within_reach
from blueprints.web.page import done
from blueprints.web.sign_in import current_post
from blueprints.web.site import site
from blueprints.web.templating import scope_name
from models.access import GRANTS, SCOPES, Post
from models.accounts import SCOPE_MODELS, Appointment
from models.base import db
from models.delivery import Channel
from models.notices import AUDIENCE, Notice, NoticeFile, NoticeKind, areas_of, open_to
from models.places import Street

KIND_WORDS = {
    "district": "全区",
    "unit": "单位联络的全部",
    "street": "街道",
    "community": "社区",
    "place": "园区、楼宇",
}
LONGEST = 40


def writing_posts() -> list[Appointment]:
    """The appointments that one may write notices in, the current post first, a scope once."""
    now = current_post()
    held = [one for one in serving() if one.post in GRANTS["notice:write"]]
    held.sort(key=lambda one: now is None or one.id != now.id)
    return list({(one.scope, one.scope_id): one for one in reversed(held)}.values())[::-1]


def area_choices() -> dict[str, list[tuple[str, str]]]:
    """For the form, by kind of area; with several posts each group says whose it is."""
    posts, found = writing_posts(), {}
    for one in posts:
        for kind, rows in areas_of(db.session(), one.scope, one.scope_id, site.now()).items():
            words = KIND_WORDS[kind] + (f"（{one.post.label}，{scope_name(one)}）" if len(posts) > 1 else "")
            found[words] = [(f"{one.scope}:{one.scope_id}>{kind}:{number}", name) for number, name in rows]
    return found


def read_area(value: str) -> dict[str, Any]:
    """What a choice of `area_choices` stands for."""
    by, _, area = value.partition(">")
    (by_scope, _, by_scope_id), (scope, _, scope_id) = by.partition(":"), area.partition(":")
    return {"by_scope": by_scope, "by_scope_id": int(by_scope_id), "scope": scope, "scope_id": int(scope_id)}


def area_of(notice: Notice) -> str:
    return f"{notice.by_scope}:{notice.by_scope_id}>{notice.scope}:{notice.scope_id}"


def post_choices() -> list[tuple[str, str]]:
    """The posts that somebody within one's own scope may hold."""
    now, mine = site.now(), writing_posts()

    def reached(post: Post) -> bool:
        model = SCOPE_MODELS[SCOPES[post]]
        return any(model.within_at(one.scope, [one.scope_id], now) is not None for one in mine)

    return [(post.value, post.label) for post in AUDIENCE if reached(post)]


def may_tell_group() -> bool:
    """Whether the district's work group has a robot, and this is somebody of the district's."""
    here = site.settings.robot_district == current_user.account.district.slug
    return Channel.ROBOT in site.carriers and here and any(one.scope == "district" for one in writing_posts())


def area_names(*notices: Notice) -> dict[tuple[str, int], str]:
    """The names of their areas, a query for each kind."""
    models: dict[str, Any] = {**SCOPE_MODELS, "street": Street}
    found: dict[tuple[str, int], str] = {}
    for kind in {one.scope for one in notices}:
        ids = {one.scope_id for one in notices if one.scope == kind}
        rows = db.session.execute(select(models[kind].id, models[kind].name).where(models[kind].id.in_(ids)))
        found |= {(kind, number): name for number, name in rows}
    return found


def for_me() -> Any:
    """The notices that the person at the door is to read."""
    return open_to(db.session(), serving(), site.now())


def mine_to_see(notice_id: int) -> Notice:
    """A notice that the person may open: one that is for them, or one of their own. Else it is not there."""
    tests = [for_me()] + ([within_reach("notice:write", Notice)] if guard.can("notice:write") else [])
    found = db.session.scalar(select(Notice).where(Notice.id == notice_id, or_(*tests)))
    if found is None:
        guard.refuse(404, "notice:read", object_type="notice", object_id=str(notice_id))
    guard.about(found)
    return found


def file_to_see(notice_file_id: int) -> NoticeFile:
    """An attachment of such a notice."""
    notice_id = db.session.scalar(select(NoticeFile.notice_id).where(NoticeFile.id == notice_file_id))
    if notice_id is None:
        guard.refuse(404, "notice:read", object_type="notice_file", object_id=str(notice_file_id))
    mine_to_see(notice_id)
    return db.session.get_one(NoticeFile, notice_file_id)


def filters() -> Iterator[Any]:
    """What the address asks of a list of notices, as conditions."""
    text, kind = words(), asked_kind()
    if text:
        yield or_(Notice.title.contains(text, autoescape=True), Notice.text.contains(text, autoescape=True))
    if kind is not None:
        yield Notice.kind == kind


def words() -> str:
    return " ".join(request.args.get("q", "").replace("\0", "").split())[:LONGEST]


def asked_kind() -> NoticeKind | None:
    return next((one for one in NoticeKind if one.value == request.args.get("kind")), None)


def alone(notice: Notice) -> Notice:
    """The notice as it is now, for us alone."""
    db.session.refresh(notice, with_for_update=True)
    return notice


def saved(said: str, where: str, **details: object) -> ResponseReturnValue:
    """Keeps the change and says so on the page that shows it."""
    flash(said, "ok")
    commit(**details)
    return done(where)
