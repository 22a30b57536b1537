"""A refusal at the gate reaches the specialist's screen by itself, and an emergency reaches the gate at once."""

import re
import time
from urllib.parse import urlsplit

from tests.browser import tab
from tests.journeys.conftest import Person, Site, sign_in

VISITOR = {"name": "高热平", "mobile": "13800000086", "temperature": "38.4", "mask": "yes"}


def gate_form(person: Person, site: Site):
    return next(
        f for f in person.open(urlsplit(site.gates[0]["url"]).path).page.forms if "nonce" in f.choices
    )


def test_a_refusal_stands_first_on_the_open_screen_within_five_seconds(site: Site, browser):
    account = site.of("健康管理专员")
    with tab(browser, viewport={"width": 1280, "height": 900}) as page:
        sign_in(page, site, account)
        visitor = Person(site)
        address = urlsplit(site.gates[0]["url"]).path
        answer = visitor.open(address, gate_form(visitor, site).data(**VISITOR))
        assert answer.page.h1 == "禁止进入"
        sent = time.monotonic()
        page.wait_for_selector("text=体温38.4℃", timeout=8_000)
        assert time.monotonic() - sent <= 5
        assert "体温38.4℃" in page.locator(".panel--no tbody tr").first.inner_text()


def test_an_opened_emergency_is_asked_for_at_the_gate_at_once_and_ends_with_it(site: Site):
    officer, visitor = Person(site), Person(site)
    officer.sign_in(site.of("专班成员"))
    assert "code_status" not in gate_form(visitor, site).choices
    form = next(f for f in officer.open("/modes/new").page.forms if "scope" in f.choices)
    facts = {"name": "演练响应", "reason": "演练", "legal_basis": "演练方案", "responsible": "沈明川"}
    filled = form.data(scope="place:1", planned_end_on="2099-12-31", **facts) | {"step": ["preview"]}
    preview = officer.open("/modes/new", filled)
    assert preview.page.h1 == "核对影响，再开启" and "code_status" not in gate_form(visitor, site).choices
    confirm = next(f for f in preview.page.forms if "scope" in f.choices)
    opened = officer.open("/modes/new", confirm.data() | {"step": ["confirm"]})
    assert "演练响应" in opened.page.text
    time.sleep(1)  # the longest that another worker may take to notice
    assert "code_status" in gate_form(visitor, site).choices
    number = max(int(n) for n in re.findall(r"/modes/([0-9]+)/end", opened.body.decode()))
    ending = next(f for f in officer.open(f"/modes/{number}/end").page.forms if "reason" in f.choices)
    officer.open(f"/modes/{number}/end", ending.data(reason="演练结束"))
    time.sleep(1)
    assert "code_status" not in gate_form(visitor, site).choices
