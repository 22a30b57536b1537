"""Posters (gate.md scenario 10): what is printed, who may print it, and how it leaves WeChat's browser."""

from __future__ import annotations

import io
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pdfplumber
import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import func, select

from blueprints.web import pdf
from models.access import Post
from models.accounts import LoginSession
from models.audit import AuditLine
from models.base import Row, db
from models.downloads import SpentTicket
from models.places import Gate
from tests import make
from tests.browser import read
from tests.conftest import NOW

MM = 72 / 25.4
A4, A5 = (210 * MM, 297 * MM), (148 * MM, 210 * MM)
WECHAT = "Mozilla/5.0 (Linux; Android 10) AppleWebKit/537.36 Mobile Safari/537.36 MicroMessenger/8.0.30"
LONG_PLACE = "云溪高新技术产业开发区石上清泉生物医药与智能制造联合创新孵化基地二期北区综合楼群"
LONG_ADDRESS = "桂湖街道锦书路北段一千八百八十八号附十八号国际生物城三期东侧"
LONG_GATE = "地下二层停车场东侧货运电梯厅西北角临时入口"


@pytest.fixture
def specialist(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.SPECIALIST))


def pages_as_pictures(document: bytes, folder: Path) -> list[Image.Image]:
    """Every page at 150 dpi, as a cheap office printer would have it."""
    (folder / "poster.pdf").write_bytes(document)
    subprocess.run(["pdftoppm", "-r", "150", "-png", "poster.pdf", "page"], cwd=folder, check=True)
    return [Image.open(file) for file in sorted(folder.glob("page*.png"))]


def decoded(picture: Image.Image) -> str:
    """The text of the only code on a picture."""
    (found,) = zxingcpp.read_barcodes(picture.convert("L"))
    assert str(found.format) == "QR Code"
    return found.text


def poster(client: FlaskClient, gate: Gate, kind: str = "pdf", **query: str) -> bytes:
    answer = client.get(f"/gates/{gate.id}/poster.{kind}", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.data


def address_of(gate: Gate) -> str:
    assert gate.code is not None
    return f"http://localhost/g/{gate.code.code}"


def sizes(document: bytes) -> list[tuple[float, float]]:
    return [
        (float(p.mediabox.width), float(p.mediabox.height)) for p in PdfReader(io.BytesIO(document)).pages
    ]


@pytest.mark.parametrize(
    ("query", "size"),
    [({}, A4), ({"ink": "outline"}, A4), ({"size": "a5"}, A5), ({"size": "a5", "ink": "outline"}, A5)],
)
def test_a_poster_is_one_page_of_its_size_and_its_code_leads_to_the_gate(
    specialist, town, tmp_path, query, size
):
    document = poster(specialist, town.gate, **query)
    assert sizes(document) == [pytest.approx(size, abs=0.5)]
    (picture,) = pages_as_pictures(document, tmp_path)
    assert decoded(picture) == address_of(town.gate)


def test_fonts_are_embedded_and_the_document_is_tagged_and_named(specialist, town, tmp_path):
    (tmp_path / "poster.pdf").write_bytes(poster(specialist, town.gate))
    listed = subprocess.run(
        ["pdffonts", "poster.pdf"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    fonts = listed.stdout.splitlines()[2:]
    assert fonts
    assert all(re.search(r" yes yes yes +\d+ +\d+$", font) for font in fonts), listed.stdout
    reader = PdfReader(tmp_path / "poster.pdf")
    assert reader.metadata.title == "入口海报：云溪软件园B区东门2号口"
    assert reader.metadata.author == "云溪高新区健康管理专班"
    assert reader.trailer["/Root"]["/Lang"] == "zh-CN"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in reader.trailer["/Root"]["/Metadata"].get_data()


def test_chinese_can_be_taken_out_in_the_order_in_which_it_is_read(specialist, town, tmp_path):
    (tmp_path / "poster.pdf").write_bytes(poster(specialist, town.gate))
    command = ["pdftotext", "-raw", "poster.pdf", "-"]
    text = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    parts = [
        "云溪软件园B区",
        "锦书路18号",
        "东门",
        "2",
        "号口",
        "请扫码登记，再进门",
        "不用安装，不用注册",
        "扫不出来？",
        town.gate.code.printed,
        "扫场所码",
        "填几项",
        "出示结果",
        "没有手机？请找门岗登记",
        "0000-0000123",
        "第1版，2026年11月20日起用",
        "悬挂高度约130厘米",
    ]
    place = 0
    for part in parts:
        place = text.find(part, place)
        assert place >= 0, f"{part} is missing or out of order in:\n{text}"


def test_the_picture_is_the_same_page_and_the_drawing_carries_the_same_code(specialist, town, tmp_path, app):
    picture = Image.open(io.BytesIO(poster(specialist, town.gate, "png")))
    assert picture.width / picture.height == pytest.approx(210 / 297, rel=0.01)
    assert decoded(picture) == address_of(town.gate)

    drawing = poster(specialist, town.gate, "svg").decode()
    assert "云溪软件园B区" in drawing
    assert town.gate.code.printed in drawing
    assert "<style" not in drawing
    with app.test_request_context():
        html = f"<!doctype html><html lang='zh-CN'><title>码</title><body>{drawing}</body></html>"
        (page,) = pages_as_pictures(pdf.print_html(html), tmp_path)
    assert decoded(page) == address_of(town.gate)


def test_long_names_are_broken_into_lines_on_the_drawing(app, specialist, town):
    site = app.extensions["site"]
    long_host = f"https://{'a' * 60}.example"
    app.extensions["site"] = replace(site, settings=replace(site.settings, public_url=long_host))
    place = make.place(town.street, LONG_PLACE, parent_id=town.park.id)
    drawing = ElementTree.fromstring(poster(specialist, make.gate(place, LONG_GATE), "svg"))
    lines = list(drawing.iter("{http://www.w3.org/2000/svg}text"))
    assert LONG_PLACE + LONG_GATE in "".join(line.text for line in lines)
    for line in lines:
        width = sum(0.6 if sign.isascii() else 1 for sign in line.text) * float(line.get("font-size"))
        assert width <= 120, line.text


def test_addresses_follow_the_public_url_and_the_district_s_own_host(app: Flask, specialist, town, tmp_path):
    site = app.extensions["site"]

    def address(public_url: str, hosts: dict[str, str]) -> str:
        app.extensions["site"] = replace(
            site, settings=replace(site.settings, public_url=public_url, hosts=hosts)
        )
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return decoded(pages_as_pictures(poster(specialist, town.gate), folder)[0])

    code = town.gate.code.code
    assert address("https://jkg.example/", {}) == f"https://jkg.example/g/{code}"
    assert address("https://jkg.example", {"yunxi.example": "yunxi"}) == f"https://yunxi.example/g/{code}"
    assert address("https://jkg.example", {"other.example": "luzhou"}) == f"https://jkg.example/g/{code}"


def test_all_gates_of_a_park_and_its_buildings_make_one_document(specialist, town, tmp_path):
    hall = make.gate(town.building, "大堂")
    make.save(Gate(place_id=town.building.id, name="货运口"))  # no code yet: no page
    document = specialist.get(f"/places/{town.park.id}/posters.pdf").data
    assert sizes(document) == [pytest.approx(A4, abs=0.5)] * 3
    codes = [decoded(picture) for picture in pages_as_pictures(document, tmp_path)]
    assert codes == [address_of(gate) for gate in (town.gate, town.north, hall)]


@pytest.mark.parametrize("size", ["a4", "a5"])
@pytest.mark.parametrize("ink", ["colour", "outline"])
def test_names_of_forty_characters_stay_whole_and_on_the_plate(specialist, town, size, ink):
    place = make.place(town.street, LONG_PLACE, parent_id=town.park.id, address=LONG_ADDRESS)
    gate = make.gate(place, LONG_GATE)
    document = poster(specialist, gate, size=size, ink=ink)
    assert len(sizes(document)) == 1
    with pdfplumber.open(io.BytesIO(document)) as opened:
        (page,) = opened.pages
        margin, plate = (10, 58) if size == "a4" else (8, 45)
        texts = {}
        for char in page.chars:
            assert margin * MM - 1 <= char["x0"], char["text"]
            assert char["x1"] <= page.width - margin * MM + 1, char["text"]
            texts.setdefault(char["bottom"] <= (plate - 1) * MM, []).append(char["text"])
    on_plate = "".join(texts[True])
    for whole in (LONG_PLACE, LONG_ADDRESS, LONG_GATE):
        assert whole in on_plate, f"{whole} leaves the plate or is cut: {on_plate}"
    assert "请扫码登记" in "".join(texts[False])


def test_only_those_who_look_after_the_place_print_its_posters(client, town):
    stranger = make.account(town.district, Post.SPECIALIST, town.other.id)
    make.sign_in(client, stranger)
    for path in ("poster.pdf", "poster.png", "poster.svg"):
        assert client.get(f"/gates/{town.gate.id}/{path}").status_code == 404
        assert client.get(f"/gates/{town.gate.id}/{path}", headers={"User-Agent": WECHAT}).status_code == 404
    assert client.get(f"/places/{town.park.id}/posters.pdf").status_code == 404
    guard = make.account(town.district, Post.GATE_GUARD, town.park.id)
    assert make.sign_in(client, guard).get(f"/gates/{town.gate.id}/poster.pdf").status_code == 403


def test_a_gate_without_a_code_and_an_unknown_variant_are_said_not_printed(specialist, town):
    bare = make.save(Gate(place_id=town.park.id, name="货运口"))
    answer = specialist.get(f"/gates/{bare.id}/poster.pdf")
    assert answer.status_code == 409
    assert "还没有码" in answer.text
    assert specialist.get(f"/gates/{town.gate.id}/poster.pdf?size=a3").status_code == 404
    assert specialist.get(f"/gates/{town.gate.id}/poster.pdf?ink=gold").status_code == 404


@pytest.mark.parametrize(
    "source",
    [
        "http://127.0.0.1:9/a.png",
        "file:///etc/passwd",
        "../app.py",
        "icons/nothing.svg",
        "ftp://example/a.png",
    ],
)
def test_a_document_reads_nothing_but_our_files_and_stops_without_them(app, source):
    html = (
        f"<!doctype html><html lang='zh-CN'><title>x</title><body><img src='{source}' alt='x'></body></html>"
    )
    with app.test_request_context(), pytest.raises(pdf.CannotPrint):
        pdf.print_html(html)


# --- WeChat (settled 2.20) ---


def rows(model: type[Row]) -> int:
    """As the database stands now, not as this test saw it before."""
    db.session.commit()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def offered(client: FlaskClient, path: str) -> str:
    """The link that the page before a download in WeChat offers; it is the page's own address too."""
    answer = client.get(path, headers={"User-Agent": WECHAT}, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    page = read(answer.data)
    assert "在浏览器打开" in page.text
    (link,) = (one.get("value") for one in page.all("input", id="link"))
    assert link.endswith(answer.request.full_path)
    shown = client.get(page.one("img").get("src"), headers={"User-Agent": WECHAT})
    assert shown.mimetype == "image/png"
    return link.removeprefix("http://localhost")


def test_wechat_shows_the_poster_and_its_link_works_once_in_another_browser(app, specialist, town, tmp_path):
    lines = rows(AuditLine)
    link = offered(specialist, f"/gates/{town.gate.id}/poster.pdf?ink=outline")
    assert (rows(SpentTicket), rows(AuditLine)) == (0, lines)

    other = app.test_client()  # a second browser, without the cookie
    assert other.head(link).status_code == 200  # looking does not use it up
    answer = other.get(link)
    assert answer.mimetype == "application/pdf"
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    assert "session" not in answer.headers.get("Set-Cookie", "")
    assert decoded(pages_as_pictures(answer.data, tmp_path)[0]) == address_of(town.gate)
    assert (rows(SpentTicket), rows(AuditLine)) == (1, lines + 1)
    assert db.session.scalars(select(AuditLine.result).order_by(AuditLine.id.desc())).first() == "seen"

    again = app.test_client().get(link)
    assert again.status_code == 410
    assert "已经用过" in read(again.data).h1


def test_the_link_opens_nothing_else_and_not_for_ever(app, at, specialist, town):
    link = offered(specialist, f"/gates/{town.gate.id}/poster.pdf")
    ticket = link.partition("ticket=")[2]
    for path in (
        f"/gates/{town.north.id}/poster.pdf?ticket={ticket}",
        f"/gates/{town.gate.id}/poster.pdf?size=a5&ticket={ticket}",
        f"/gates/{town.gate.id}/poster.pdf?ticket={ticket[:-1]}",
    ):
        assert app.test_client().get(path).status_code == 410
    for path in (f"/gates/{town.gate.id}?ticket={ticket}", f"/places/{town.park.id}/gates?ticket={ticket}"):
        assert app.test_client().get(path).status_code in (302, 303)  # to the sign-in
    at(NOW + timedelta(minutes=10))
    assert app.test_client().get(link).status_code == 410


def test_the_link_ends_with_the_sign_in_that_asked_for_it(app, specialist, town):
    link = offered(specialist, f"/places/{town.park.id}/posters.pdf")
    db.session.scalars(select(LoginSession)).one().end("退出", now=NOW)
    db.session.commit()
    assert app.test_client().get(link).status_code in (302, 303)


def test_two_browsers_that_use_the_link_at_once_get_one_file(app, specialist, town):
    link = offered(specialist, f"/gates/{town.gate.id}/poster.pdf")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.test_client().get(link).status_code, range(4)))
    assert sorted(answers) == [200, 410, 410, 410]
