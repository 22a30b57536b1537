"""Every page that a post can reach: no dead link, strictly parsed, accessible, nothing wider than the screen."""

from __future__ import annotations

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
            target = urljoin(answer.url, link.url).split("#")[0]
            parts = urlsplit(target)
            if parts.scheme == "http" and target.startswith(person.site.url) and not parts.path.startswith("/static/"):
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


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[str, tuple[dict[str, str] | None, str]]:
    """One address of every kind of page, and as whom to open it."""
    found: dict[str, tuple[dict[str, str] | None, str]] = {}
    for account in (None, *(site.of(post) for post in POSTS)):
        visitor = Person(site)
        if account:
            visitor.sign_in(account)
        starts = [account["home"]] if account else ["/", *(urlsplit(g["url"]).path for g in site.gates[:1])]
        for start in starts:
            for kind, addresses in walk(visitor, start).items():
                if visitor.open(addresses[0]).kind == "text/html":
                    found.setdefault(kind, (account, addresses[0]))
    return found


@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_on_any_page(site: Site, pages, browser, width: int):
    wrong = []
    for account in (None, *(site.of(post) for post in POSTS)):
        mine = [address for owner, address in pages.values() if owner == account]
        if not mine:
            continue
        with tab(browser, viewport={"width": width, "height": 900}) as page:
            if account:
                page.goto(f"{site.url}/sign-in")
                page.fill("[name=username]", account["username"])
                page.fill("[name=password]", account["password"])
                page.press("[name=password]", "Enter")
                page.wait_for_url(f"{site.url}{account['home']}")
            for address in mine:
                page.goto(site.url + address)
                wrong += [(address, rule, where) for rule, _help, where in axe(page)]
                if page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"):
                    wrong.append((address, "wider than the screen", []))
    assert wrong == []
