"""What stands in the left column (栏目): by the current post, in order of daily use. A link that a post has no grant for
is never shown; every page of the site is reached from here."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request, url_for

from models.access import GRANTS
from models.accounts import Appointment

MOST = 12  # of one post: as many as the eye takes in


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    icon: str
    endpoint: str
    action: str
    scoped: str = ""  # the name of the address part that takes the number of the appointment's scope
    pages: tuple[
        str, ...
    ] = ()  # more that belong to it wherever they lie; one that ends with a dot is a whole area
    alone: bool = False  # what lies below its address belongs to others


ITEMS = (
    Item(
        "今天", "house", "places.day", "place:watch", "place_id",
        ("places.index", "places.board", "places.counts", "places.spellings"), alone=True,
    ),
    Item("今天", "house", "gate.desk", "gate:guard"),
    Item("今天", "house", "enterprises.home", "enterprise:home", "enterprise_id", alone=True),
    Item("今天", "house", "office.overview", "place:oversee"),
    Item("员工", "users", "archive.employees", "employee:see", "enterprise_id", ("archive.", "imports.")),
    Item("每日健康", "thermometer", "health.day", "health:manage", "enterprise_id", ("health.",)),
    Item("报送", "file-pen", "reports.index", "report:file", "enterprise_id", ("reports.",)),
    Item("健康岗位", "user-check", "enterprises.health_posts", "post:see", "enterprise_id"),
    Item("年度计划", "list-checks", "plans.show", "plan:draft", "enterprise_id", ("plans.",)),
    Item("企业档案", "file-text", "enterprises.profile", "enterprise:keep", "enterprise_id"),
    Item("入场", "scan-line", "places.entries", "place:watch", "place_id"),
    Item("在里面", "users", "places.inside", "place:watch", "place_id", ("gate.evacuation_of_place",)),
    Item("在里面", "users", "gate.inside", "visit:inside"),
    Item("花名册", "contact", "contacts.roster", "roster:see", "place_id", ("contacts.",)),
    Item("门岗", "shield-check", "gate.desk", "gate:guard", pages=("gate.sheets", "gate.sheet")),
    Item("报送", "chart-column", "reports.tracking", "report:see", pages=("reports.",)),
    Item("聚集预警", "stethoscope", "clusters.index", "cluster:see", pages=("clusters.",)),
    Item("责任书", "pen-line", "letters.own", "letter:sign", "enterprise_id", ("letters.",)),
    Item("责任书", "pen-line", "letters.index", "letter:track", pages=("letters.",)),
    Item("通知", "megaphone", "notices.index", "notice:read"),
    Item(
        "入口和设备", "qr-code", "places.gates", "gate:print", "place_id",
        ("devices.", "places.hours", "places.gate_page", "places.reissue", "places.pause"),
    ),
    Item("企业", "clipboard-list", "enterprises.index", "enterprise:oversee", pages=("enterprises.", "imports.", "contacts.")),
    Item("应急响应", "siren", "office.modes", "mode:see"),
    Item("方案", "file-text", "office.schemes", "policy:see"),
    Item("减负账", "scale", "reports.burden", "burden:see", pages=("reports.burden",)),
    Item("开通清单", "flag", "office.checklist", "checklist:see"),
    Item("保存与销毁", "list-checks", "office.retention", "retention:see"),
    Item("账号", "users", "admin.accounts", "account:manage"),
    Item("场所与入口", "building-2", "admin.places", "place:manage"),
    Item("配置", "settings", "admin.configuration", "configuration:see"),
    Item("任职", "contact", "admin.appointments", "appointment:manage"),
    Item("安全设置", "shield-check", "admin.security", "security:set"),
    Item("审计", "history", "admin.audit", "audit:read"),
    Item(
        "人员", "user-plus", "accounts.people", "person:invite",
        pages=("office.hand_over", "office.hand_over_one", "accounts.invitation", "accounts.slip"),
    ),
)  # fmt: skip


def menu_of(post: Appointment | None) -> list[tuple[Item, str, str]]:
    """Items with their address and what `aria-current` says of them: "page", "true" for a page below it, or nothing.

    One label stands once."""
    shown: list[tuple[Item, str]] = []
    labels: set[str] = set()
    for item in ITEMS if post is not None else ():
        if post.post not in GRANTS[item.action] or item.label in labels:
            continue
        if item.scoped and not item.scoped.startswith(post.scope):
            continue
        if any(item.endpoint == other.endpoint for other, _ in shown):
            continue
        labels.add(item.label)
        shown.append((item, url_for(item.endpoint, **({item.scoped: post.scope_id} if item.scoped else {}))))
    nearest = _nearest(shown)
    return [
        (item, address, "" if address != nearest else "page" if address == request.path else "true")
        for item, address in shown
    ]


def _nearest(shown: list[tuple[Item, str]]) -> str:
    """The address of the item to which this page belongs: the one that names it, else the one nearest above it."""
    above = [
        address
        for item, address in shown
        if request.path == address or (not item.alone and request.path.startswith(f"{address}/"))
    ]
    named = [
        address
        for name in (
            request.endpoint,
            f"{request.blueprint}.",
        )  # an item that names the page, before one that has its area
        for item, address in shown
        if name in item.pages
    ]
    return next(iter(named), "") or max(above, key=len, default="")


def home_of(post: Appointment | None) -> str:
    """Where a person begins the day in this post."""
    entries = menu_of(post)
    return entries[0][1] if entries else url_for("accounts.me")
