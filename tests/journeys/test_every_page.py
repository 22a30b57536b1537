"""Every page that a post can reach: no dead link, strictly parsed, accessible, nothing wider than the screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from urllib.parse import urljoin, urlsplit

import pytest

from tests.browser import axe, tab
from tests.journeys.conftest import Person, Site, pattern

PER_KIND = 2  # addresses followed of one kind of page; of one that somebody before came by, the first alone
PHONE, DESK = {"width": 375, "height": 900}, {"width": 1280, "height": 900}
# what can differ where the same page is laid out wider; everything else has been asked of the phone's
BY_LAYOUT = (
    "color-contrast",
    "target-size",
    "scrollable-region-focusable",
    "region",
    "link-name",
    "button-name",
    "label",
)
POSTS = ("门岗", "健康管理专员", "首席健康官", "健康管理员", "单位联络员", "社区联络员", "专班成员",
         "系统管理员", "安全管理员", "审计管理员")  # fmt: skip


def walk(person: Person, start: str, known: Collection[str] = ()) -> dict[str, list[str]]:
    """Follows every link from `start`, PER_KIND of each kind of page and one of those `known`; any dead or broken one fails."""
    seen: dict[str, list[str]] = {}
    waiting = [start]
    while waiting:
        address = waiting.pop(0)
        kind = pattern(address)
        if address in seen.setdefault(kind, []) or len(seen[kind]) >= (1 if kind in known else PER_KIND):
            continue
        seen[kind].append(address)
        answer = person.open(address)
        assert answer.status == 200, f"{address}: {answer.status}"
        if answer.kind != "text/html":
            continue
        for link in answer.page.links:
            if link.kind not in ("href", "src") or re.search(r"[?&](text|lang)=", link.url):
                continue  # forms have their own tests; size of type and language would stay for what follows
            target = urljoin(answer.url, link.url).split("#")[0]
            parts = urlsplit(target)
            if (
                parts.scheme == "http"
                and target.startswith(person.site.url)
                and not parts.path.startswith("/static/")
            ):
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return seen


@dataclass
class Walked:
    """Somebody, and which addresses of which kinds of pages they came by."""

    person: Person
    kinds: dict[str, list[str]]


@pytest.fixture(scope="module")
def walked(site: Site) -> Callable[[str], Walked]:
    """The walk of a post, and of nobody (""); each goes round once."""

    known: set[str] = set()

    @cache
    def by(post: str) -> Walked:
        person = Person(site)
        if not post:
            return Walked(person, walk(person, "/") | walk(person, urlsplit(site.gates[0]["url"]).path))
        account = site.of(post)
        answer = person.sign_in(account)
        assert answer.status == 200 and urlsplit(answer.url).path == account["home"]
        kinds = walk(person, account["home"], known)
        known.update(kinds)
        return Walked(person, kinds)

    return by


@pytest.mark.parametrize("post", POSTS)
def test_from_the_home_of_each_post_every_link_opens(walked: Callable[[str], Walked], post: str):
    assert len(walked(post).kinds) >= 3


def test_what_needs_no_account_opens_from_the_first_page(walked: Callable[[str], Walked]):
    assert {"/", "/sign-in", "/privacy", "/g/*"} <= set(walked("").kinds)


@dataclass
class Round:
    """What one person can open: an address of every kind of page that nobody before could."""

    person: Person
    addresses: list[str]


@pytest.fixture(scope="module")
def rounds(walked: Callable[[str], Walked]) -> list[Round]:
    known: set[str] = set()
    found = []
    for one in map(walked, ("", *POSTS)):
        first = {kind: addresses[0] for kind, addresses in one.kinds.items() if kind not in known}
        fresh = [address for address in first.values() if one.person.open(address).kind == "text/html"]
        known |= set(one.kinds)
        found.append(Round(one.person, fresh))
    return found


def test_axe_finds_nothing_on_any_page_of_a_phone_or_a_desk(site: Site, rounds: list[Round], browser):
    wrong = []
    for one in rounds:
        with tab(browser, viewport=PHONE) as page:
            page.context.add_cookies(
                [{"name": c.name, "value": c.value, "url": site.url} for c in one.person.jar]
            )
            for address in one.addresses:
                page.set_viewport_size(PHONE)
                page.goto(site.url + address)
                for size, rules in ((PHONE, None), (DESK, BY_LAYOUT)):
                    page.set_viewport_size(size)
                    wrong += [
                        (address, size["width"], rule, where) for rule, _help, where in axe(page, rules)
                    ]
                    if page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
                        wrong.append((address, size["width"], "wider than the screen", []))
    assert wrong == []
    assert sum(len(one.addresses) for one in rounds) > 40
