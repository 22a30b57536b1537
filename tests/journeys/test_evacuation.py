"""Calling people together with a phone that loses its network; and a visitor who leaves and looks at their own visits."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error

from tests.browser import axe, tab
from tests.journeys.conftest import Person, Site
from tests.journeys.test_visitor import PHONE, check_in, gate

LIST = "/gate/evacuation"
KEPT = (
    """async () => (await (await caches.open('evacuation')).keys()).map(one => new URL(one.url).pathname)"""
)
AGE = """async hours => {
  const cache = await caches.open('evacuation');
  for (const asked of await cache.keys()) {
    const old = await cache.match(asked), headers = new Headers(old.headers);
    headers.set('X-Kept-At', String(Date.now() - hours * 3600e3));
    await cache.put(asked, new Response(await old.text(), {headers}));
  }
}"""


AGED = f"""async hours => {{
  const kept = await (await caches.open('evacuation')).match('{LIST}');
  return kept && Number(kept.headers.get('X-Kept-At')) <= Date.now() - hours * 3600e3;
}}"""


def let_in(site: Site, guard: Person, number: int) -> None:
    """Somebody whom the guard has measured: inside at any hour of the day, closing time or not."""
    address, visitor = gate(site), Person(site)
    form = next(f for f in visitor.open(address).page.forms if "temperature" in f.choices)
    facts = {"name": "欧阳长青", "mobile": f"1380013820{number}", "temperature": "35.0", "mask": "yes"}
    visitor.open(address, form.data(**facts))
    measure = next(one.url for one in guard.open("/gate").page.links if one.url.endswith("/measure"))
    form = next(f for f in guard.open(measure).page.forms if "temperature" in f.choices)
    guard.open(measure, form.data(temperature="36.6", mask="yes"))


@pytest.fixture(scope="module")
def guard(site: Site) -> Person:
    """The guard of the first gate, with three people let in."""
    person = Person(site)
    person.sign_in(site.of("门岗"))
    for number in range(3):
        let_in(site, person, number)
    return person


@pytest.fixture
def phone(site: Site, browser, guard: Person):
    """A guard's phone with the list open, kept by its worker."""
    person = Person(site)  # who signs out ends no other test's session
    person.sign_in(site.of("门岗"))
    with tab(browser, viewport=PHONE) as page:
        page.context.add_cookies([{"name": c.name, "value": c.value, "url": site.url} for c in person.jar])
        page.goto(site.url + LIST)
        page.wait_for_function(  # its parts come last: nothing is under way any more
            f"async () => {{ const kept = await ({KEPT})(); return kept.includes('{LIST}') && kept.length > 1; }}"
        )
        yield page


def tick(page, number: int) -> None:
    page.check(f".group input >> nth={number}")


def read_the_copy(page) -> None:
    """Opens the list without network; once more where the browser of a busy machine has not woken the page's worker in time."""
    page.context.set_offline(True)
    for _ in range(3):
        with suppress(Error):
            page.reload()
            if page.is_visible("#copy"):
                break
        page.wait_for_timeout(1000)
    page.bad.clear()
    assert page.is_visible("#copy"), (page.inner_text("main"), page.evaluate(KEPT))


def sums(page) -> list[int]:
    return [int(page.inner_text(f".sum dd >> nth={number}").replace(",", "")) for number in range(3)]


def test_the_found_are_ticked_counted_and_still_ticked_without_network(phone):
    everybody = sums(phone)[0]
    assert sums(phone) == [everybody, 0, everybody] and not phone.is_visible("#copy")
    tick(phone, 0)
    read_the_copy(phone)
    assert "没有网络，这是" in phone.inner_text("#copy") and "的名单" in phone.inner_text("#copy")
    assert sums(phone) == [everybody, 1, everybody - 1]
    tick(phone, 1)
    phone.reload()
    assert sums(phone) == [everybody, 2, everybody - 2]
    assert axe(phone) == []
    phone.click("#only-missing")
    assert phone.locator(".group li:visible").count() == phone.locator(".group li").count() - 2
    phone.context.set_offline(False)
    phone.goto(phone.url)
    assert not phone.is_visible("#copy") and sums(phone)[1] == 2
    phone.click("#again summary")
    phone.click("#clear")
    assert sums(phone)[1] == 0


def test_the_copy_is_dropped_after_twelve_hours(phone):
    phone.evaluate(AGE, 11.9)
    phone.wait_for_function(AGED, arg=11.9)
    read_the_copy(phone)
    phone.evaluate(AGE, 12.1)
    phone.reload()
    assert phone.inner_text("h1") == "没有网络" and "没有12小时以内的名单" in phone.inner_text("main")
    assert phone.evaluate(KEPT) == []
    phone.bad.clear()  # the page itself is answered with 503


def test_the_copy_and_the_ticks_are_dropped_on_signing_out(phone, site: Site):
    tick(phone, 0)
    phone.goto(site.url + "/more")
    phone.click("text=退出登录")
    phone.wait_for_load_state()
    left = "async () => [await caches.keys(), (await navigator.serviceWorker.getRegistrations()).length, localStorage.length]"
    assert phone.evaluate(left) == [[], 0, 0]


def test_the_copy_is_dropped_when_the_site_no_longer_gives_the_list(phone, site: Site):
    phone.context.clear_cookies()
    phone.goto(site.url + LIST)
    assert "/sign-in" in phone.url
    phone.wait_for_function(f"async () => !(await ({KEPT})()).includes('{LIST}')")


def test_printed_the_boxes_are_empty_and_the_sums_are_lines_to_write_on(phone):
    tick(phone, 0)
    phone.emulate_media(media="print")
    assert not phone.is_visible(".group input") and not phone.is_visible(".acts")
    assert phone.locator(".sum .blank:visible").count() == 2 and phone.is_visible(".sign")
    assert phone.evaluate("() => getComputedStyle(document.querySelector('.is-found')).backgroundColor") in (
        "rgba(0, 0, 0, 0)", "rgb(255, 255, 255)",
    )  # fmt: skip


@pytest.mark.parametrize("scripts", [True, False])
def test_a_visitor_leaves_and_deletes_their_visit(site: Site, browser, scripts: bool):
    with tab(browser, viewport=PHONE, java_script_enabled=scripts) as page:
        check_in(page, site, mobile=f"1380013810{int(scripts)}", name="欧阳长青")
        page.goto(page.url + "/leave")
        page.click("form button >> nth=0")
        assert "已经登记离开" in page.inner_text("main")
        page.click("text=我的到访")
        assert "还在里面" not in page.inner_text("main")
        if scripts:
            assert axe(page) == []
        page.click("text=删除这次登记")
        page.click("form button >> nth=0")
        assert "已删除" in page.inner_text("main")
