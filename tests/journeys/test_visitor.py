"""A visitor's minute at the gate, in a real browser and without JavaScript."""

from urllib.parse import urlsplit

import pytest

from tests.browser import axe, tab
from tests.journeys.conftest import Site

PHONE = {"width": 375, "height": 812}


def gate(site: Site) -> str:
    return site.url + urlsplit(site.gates[0]["url"]).path


def check_in(page, site: Site, **answers: str) -> None:
    page.goto(gate(site))
    for field, answer in {
        "name": "张明远",
        "mobile": "13800138000",
        "temperature": "36.5",
        **answers,
    }.items():
        page.fill(f"[name={field}]", answer)
    page.check("[name=mask][value=yes]")
    page.click("form button.btn >> nth=0")


@pytest.mark.parametrize("scripts", [True, False])
def test_scan_fill_in_show(site: Site, browser, scripts: bool):
    with tab(browser, viewport=PHONE, java_script_enabled=scripts) as page:
        check_in(page, site)
        assert page.inner_text("h1") in (
            "通行",
            "请门岗核验",
        )  # by night the place may be closed, never refused
        assert "/pass/" in page.url


def test_errors_stand_beside_their_fields_and_lead_there(site: Site, browser):
    with tab(browser, viewport=PHONE) as page:
        check_in(page, site, mobile="138", temperature="热")
        assert page.locator(".errors li").count() == 2
        page.click(".errors a >> nth=0")
        assert page.evaluate("() => document.activeElement.id || location.hash.slice(1)") == "mobile"
        assert axe(page) == []


@pytest.mark.parametrize(("size", "least"), [("large", 24), ("xlarge", 40)])
def test_elder_mode_at_320_px_has_large_text_large_targets_and_no_sideways_scroll(site, browser, size, least):
    with tab(browser, viewport={"width": 320, "height": 640}) as page:
        page.goto(f"{gate(site)}?text={size}")
        smallest = page.evaluate(
            """() => Math.min(...[...document.querySelectorAll('main *')]
                 .filter(e => e.childNodes.length && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
                 .filter(e => e.offsetParent && !e.closest('datalist, option'))
                 .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
        )
        assert smallest >= least
        heights = page.eval_on_selector_all(
            "main input:not([type=hidden]):not([type=radio]):not([type=checkbox]), main .pick label, main .btn, main summary",
            "els => els.filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)",
        )
        assert min(heights) >= 60
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320
        assert axe(page) == []


def test_offline_the_pass_stays_and_its_word_is_marked_as_stale(site: Site, browser):
    with tab(browser, viewport=PHONE) as page:
        page.clock.install()
        check_in(page, site)
        verdict, word = page.inner_text("h1"), page.locator(".word strong").first
        page.context.set_offline(True)
        page.clock.fast_forward(61_000)
        page.wait_for_selector("#stale")
        assert "未联网" in page.inner_text("#stale") and page.inner_text("h1") == verdict
        assert "line-through" in word.evaluate("e => getComputedStyle(e).textDecorationLine")
        page.context.set_offline(False)
        page.clock.fast_forward(6_000)
        page.wait_for_selector("#stale", state="detached")
        page.bad.clear()  # that fetches failed was the point


def test_after_the_minute_the_pass_fetches_itself_without_a_reload(site: Site, browser):
    with tab(browser, viewport=PHONE) as page:
        page.clock.install()
        check_in(page, site)
        page.evaluate("() => { window.kept = true }")
        with page.expect_response(lambda answer: "/pass/" in answer.url):
            page.clock.fast_forward(61_000)
        assert page.evaluate("() => window.kept")
