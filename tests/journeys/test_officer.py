"""What an officer takes away is what the list shows, after it was filtered without a new page."""

from urllib.parse import parse_qs, urlsplit

from tests.browser import tab
from tests.journeys.conftest import Site, sign_in


def test_after_filtering_in_place_the_workbook_is_of_what_is_listed(site: Site, browser):
    account = site.of("单位联络员")
    with tab(browser, viewport={"width": 1280, "height": 900}) as page:
        sign_in(page, site, account)
        page.goto(f"{site.url}/enterprises")
        page.evaluate("window.same = true")
        page.locator("nav.quick a", has_text="缺岗位").click()
        page.wait_for_selector("nav.quick a[aria-current]:has-text('缺岗位')")
        assert page.evaluate("window.same")  # the page itself has stayed
        link = page.locator("a", has_text="导出")
        assert link.count() == 1
        assert parse_qs(urlsplit(link.get_attribute("href")).query) == {"lack": ["posts"]}
