"""An employee's minute with a link of their own, a leader's with the team, in a real browser and without JavaScript."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.browser import axe, live_server, tab
from tests.journeys.conftest import ROOT, _flask

PHONE = {"width": 375, "height": 812}
PEOPLE = """
from app import create_app
app = create_app()
from datetime import UTC, datetime
from models.archive import Employee, Team
from models.health_links import LinkKind, token
from tests import make
with app.app_context():
    now, vault = datetime.now(UTC), app.extensions["site"].vault
    town = make.town(now)
    team = make.save(Team(enterprise_id=town.tenant.id, name="包装甲班", leader="欧阳建国"))
    facts = {"enterprise_id": town.tenant.id, "team_id": team.id, "added_at": now, "changed_at": now}
    one, _other = [make.save(Employee(name=name, number="A1", **facts)) for name in ("林小满", "秦远")]
    for path, kind, row in (("h", LinkKind.PERSON, one), ("e", LinkKind.ENTERPRISE, town.tenant), ("t", LinkKind.TEAM, team)):
        print(f"link /{path}/{token(vault, kind, row.id)}")
"""


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A site with one enterprise: the links of a person, of the enterprise, of a team."""
    home = tmp_path_factory.mktemp("reporting")
    env = {"SITE_ENV": "demo", "SITE_INSTANCE": str(home)}
    _flask(env, "migrate", "up")
    said = subprocess.run(
        [sys.executable, "-c", PEOPLE], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)} | env,
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    with live_server(env, home=home) as server:
        yield [
            server.url + line.removeprefix("link ") for line in said.splitlines() if line.startswith("link ")
        ]


@pytest.mark.parametrize("text", ["normal", "xlarge"])
def test_the_pages_fit_a_phone_in_every_type_and_axe_finds_nothing(links, browser, text):
    with tab(browser, viewport={"width": 320, "height": 640}) as page:
        for link in links:
            page.goto(f"{link}?text={text}")
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 320, link
            assert axe(page) == [], link
        page.goto(links[0])
        page.click("form button.btn")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
        assert axe(page) == []


def test_errors_then_well_then_the_same_day_not_well(links, browser):
    with tab(browser, viewport=PHONE, java_script_enabled=False) as page:
        page.goto(links[0])
        page.check("[name=today][value=well]")
        page.fill("[name=temperature]", "365")
        page.click("form button.btn")
        assert "是36.5吗" in page.inner_text("#temperature-err")
        assert page.is_checked("[name=today][value=well]")
        page.fill("[name=temperature]", "３６．５℃")
        page.click("form button.btn")
        assert page.inner_text("h1") == "已填好"
        page.click("text=有变化，改一下")
        page.check("[name=today][value=unwell]")
        page.click("details.more summary")
        page.check("[name=symptoms][value=cough]")
        page.click("form button.btn")
        assert page.inner_text("h1") == "请不要到岗" and "咳嗽" in page.inner_text(".verdict")
        assert page.url == links[0]


def test_the_enterprise_s_code_and_the_team(links, browser):
    with tab(browser, viewport=PHONE, java_script_enabled=False) as page:
        page.goto(links[1])
        page.fill("[name=name]", "秦远")
        page.fill("[name=tail]", "A1")
        page.click("form button.btn")
        page.check("[name=today][value=well]")
        page.fill("[name=temperature]", "36,4")
        page.click("form button.btn")
        assert page.inner_text("h1") == "已填好"
        page.goto(links[2])
        assert "秦远" in page.inner_text(".roll")
