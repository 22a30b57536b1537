"""Every page that a post can reach: no dead link, strictly parsed, accessible, nothing wider than the screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import pytest

from tests.browser import axe, tab
from tests.journeys.conftest import Person, Site, pattern

PER_KIND = 3  # addresses followed of one kind of page
POSTS = ("门岗", "健康管理专员", "首席健康官", "健康管理员", "单位联络员", "社区联络员", "专班成员",
         "系统管理员", "安全管理员", "审计管理员")  # fmt: skip


def walk(person: Person, start: str) -> dict[str, list[str]]:
    """Follows every link from `start`, PER_KIND of each kind of page; any dead or broken one fails."""
    seen: dict[str, list[str]] = {}
    waiting = [start]
    while waiting:
        address = waiting.pop(0)
        kind = pattern(address)
        if address in seen.setdefault(kind, []) or len(seen[kind]) >= PER_KIND:
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


@pytest.mark.parametrize("post", POSTS)
def test_from_the_home_of_each_post_every_link_opens(site: Site, person: Person, post: str):
    account = site.of(post)
    answer = person.sign_in(account)
    assert answer.status == 200 and urlsplit(answer.url).path == account["home"]
    kinds = walk(person, account["home"])
    assert len(kinds) >= 3


def test_what_needs_no_account_opens_from_the_first_page(site: Site, person: Person):
    kinds = walk(person, "/") | walk(person, urlsplit(site.gates[0]["url"]).path)
    assert {"/", "/sign-in", "/privacy", "/g/*"} <= set(kinds)


@dataclass
class Round:
    """What one person can open: an address of every kind of page that nobody before could."""

    person: Person
    addresses: list[str]


@pytest.fixture(scope="module")
def rounds(site: Site) -> list[Round]:
    known: set[str] = set()
    found = []
    for account in (None, *(site.of(post) for post in POSTS)):
        person = Person(site)
        if account:
            person.sign_in(account)
        kinds = (
            walk(person, account["home"])
            if account
            else walk(person, "/") | walk(person, urlsplit(site.gates[0]["url"]).path)
        )
        fresh = [
            kinds[kind][0]
            for kind in kinds
            if kind not in known and person.open(kinds[kind][0]).kind == "text/html"
        ]
        known |= set(kinds)
        found.append(Round(person, fresh))
    return found


@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_on_any_page(site: Site, rounds: list[Round], browser, width: int):
    wrong = []
    for one in rounds:
        with tab(browser, viewport={"width": width, "height": 900}) as page:
            page.context.add_cookies(
                [{"name": c.name, "value": c.value, "url": site.url} for c in one.person.jar]
            )
            for address in one.addresses:
                page.goto(site.url + address)
                wrong += [(address, rule, where) for rule, _help, where in axe(page)]
                if page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
                    wrong.append((address, "wider than the screen", []))
    assert wrong == []
    assert sum(len(one.addresses) for one in rounds) > 40
