"""The page of a responsibility letter (DOC-1 to DOC-8), measured from the PDF itself. No database is asked."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import pytest
import zxingcpp
from pypdf import PdfReader

from app import create_app
from blueprints.letters import paper
from blueprints.web import pdf
from models.letter_text import Facts, LetterText, Party, compose
from models.signatures import Side
from tests.conftest import NOW
from tests.papers import MM, Line, Sign, lines_of, pages_of, picture_of, sizes_of

SCHEME = "chengdu-hitech/2022-03-23"
LEFT, RIGHT, TOP, BOTTOM = 28 * MM, (210 - 26) * MM, 37 * MM, (297 - 35) * MM  # the type area
PITCH, LINE = 15.79, 28.95
NUMBER, CODE = "YUNXI-ZR-2027-00213", "7K3M9QPR"
ADDRESS = f"https://jkg.example.cn/verify?number={NUMBER}&code={CODE}"
LONG = "成都云溪高新区䶮㛃𠮷（西部）生物医药与智能装备联合创新研究开发中心股份有限公司一"
NEVER_FIRST, NEVER_LAST = "，。、；：）》？！”", "（《“"
NAMES = ("䶮", "㛃", "𠮷")


@pytest.fixture(scope="module", autouse=True)
def press(tmp_path_factory):
    """A site that only prints."""
    home = tmp_path_factory.mktemp("press")
    app = create_app(env="test", database_url=f"sqlite:///{home / 'none.db'}", instance=home)
    with app.app_context():
        yield app


@cache
def sheets(text: LetterText, *, signed: bool = False) -> bytes:
    """The PDF of a text, drawn once."""
    acts = {side: SimpleNamespace(name="沈望舒", at=NOW) for side in Side} if signed else {}
    html = paper.laid_out(
        text, signed=acts, pictures=dict.fromkeys(Side, ""), code=paper.spaced(CODE), address=ADDRESS,
        level="甲（签名和存证，不等同可靠电子签名）", digest="ab" * 32,
    )  # fmt: skip
    return pdf.print_html(html, paper.SHEET)


@cache
def pages(text: LetterText, *, signed: bool = False) -> list[list[Sign]]:
    return pages_of(sheets(text, signed=signed))


@cache
def usual(kind: str = "enterprise", firm: str = "云溪青禾生物科技有限公司") -> LetterText:
    """A letter as the scheme has it."""
    from models.policy.book import SHIPPED, Book

    facts = Facts(
        number=NUMBER,
        unit=Party("云溪高新区经济和信息化局", "11990001MA0006011E", "温其玉", "云溪大道1号", "周知行", "0000-0000123"),
        firm=Party(firm, "91510100MA00000152", "沈望舒", "云溪高新区桂湖路18号3栋", "林小满", "138****8000"),
        place="", starts_on=date(2027, 1, 1), ends_on=date(2027, 12, 31),
    )  # fmt: skip
    return LetterText.read(compose(Book.read(SHIPPED).get(SCHEME).letter(kind), facts))


def filled(clauses: int) -> LetterText:
    """A letter of so many clauses of one line, and of as little else as there can be."""
    one = "按期整改，提交结果。"
    return replace(
        usual(), unit=Party("经济和信息化局"), firm=Party("云溪青禾生物科技有限公司"), preamble="订立如下。",
        parts=(("乙方职责", tuple([one] * max(clauses, 1))),),
    )  # fmt: skip


def prose(signs: int) -> LetterText:
    """One clause of so many full-width signs, in which every sign may end a line."""
    return replace(filled(1), parts=(("乙方职责", ("责任书正文" * (signs // 5),)),))


def in_area(page: list[Sign]) -> list[Sign]:
    """Between the page's head and foot."""
    return [one for one in page if TOP <= one.y <= BOTTOM]


def body(page: list[Sign]) -> list[Line]:
    """Lines of 16 points, without title and small print."""
    return lines_of([one for one in in_area(page) if round(one.size) == 16])


def block(page: list[Sign]) -> list[Line]:
    """From 甲方（盖章） on."""
    lines = lines_of(in_area(page))
    begin = [place for place, one in enumerate(lines) if "甲方（盖章）" in one.text]
    return lines[begin[0] :] if begin else []


def word(page: list[Sign], wanted: str) -> list[Sign]:
    """The signs of a word, from its first place on the page."""
    for line in lines_of(page):
        if wanted in line.text:
            place = line.text.index(wanted)
            return list(line.signs[place : place + len(wanted)])
    raise AssertionError(f"{wanted} is not on the page")


# --- DOC-1, DOC-2: the type area and its grid ---


@pytest.mark.parametrize("text", [usual(), usual("park_operator"), filled(60)], ids=["firm", "park", "many"])
def test_all_of_it_stands_within_the_margins_of_a4(text):
    for size in sizes_of(sheets(text)):
        assert size == pytest.approx((210 * MM, 297 * MM), abs=0.1)
    for page in pages(text):
        area = in_area(page)
        assert min(one.ink[0] for one in area) >= LEFT - 0.5
        assert max(one.ink[2] for one in area) <= RIGHT + 0.5
        assert min(one.ink[1] for one in area) >= TOP - 0.5
        assert max(one.ink[3] for one in area) <= BOTTOM + 0.5
        # nothing else is there but number and pages above, and the page number below
        assert {round(one.size) for one in page if one not in area} == {9, 14}


def test_a_page_has_22_lines_of_28_signs():
    long = pages(prose(28 * 50))
    for page in long[1:-2]:  # before the last two, from which the signature block may take lines
        lines = body(page)
        assert len(lines) == 22
        assert {len(one.signs) for one in lines} == {28}
        for above, below in pairwise(lines):
            assert below.y - above.y == pytest.approx(LINE, abs=0.05)
        for line in lines:
            steps = [b.x - a.x for a, b in pairwise(line.signs)]
            assert min(steps) == pytest.approx(PITCH, abs=0.06) == max(steps)
    assert len(long) > 3


def test_lines_are_even_at_both_edges_but_for_the_last_of_a_paragraph():
    lines = [one for page in pages(usual()) for one in body(page)]
    begin = next(place for place, one in enumerate(lines) if one.text.startswith("为落实"))
    end = next(place for place, one in enumerate(lines) if "甲方（盖章）" in one.text)
    full = 0
    for line, following in pairwise(lines[begin:end]):
        if following.left < LEFT + 1:  # it goes on
            assert following.left == pytest.approx(LEFT, abs=0.1)
            assert line.edge == pytest.approx(RIGHT, abs=0.6), line.text
            full += 1
    assert full >= 18
    assert (
        len({len(one.signs) for one in lines[begin:end]}) > 3
    )  # some gave a sign to the next, or have narrow figures


def test_a_paragraph_begins_two_signs_in():
    lines = body(pages(prose(28 * 50))[0])
    first = next(one for one in lines if one.text.startswith("责任书"))
    assert first.left - LEFT == pytest.approx(2 * PITCH, abs=0.1)
    assert len(first.signs) == 26


@pytest.mark.parametrize("kind", ["enterprise", "park_operator", "building_operator"])
def test_no_line_begins_or_ends_with_a_sign_that_may_not(kind):
    for page in pages(usual(kind)):
        for line in body(page):
            assert line.text[0] not in NEVER_FIRST, line.text
            assert line.text[-1] not in NEVER_LAST, line.text


def test_all_ink_is_black():
    colours = picture_of(sheets(usual()), 0, scale=1).getcolors(4096)
    assert {len(set(pixel)) for _, pixel in colours} == {1}  # black, white, and greys of the edges


# --- DOC-3: title and levels ---


def test_the_title_is_22_points_centred_between_blank_lines():
    lines = lines_of(in_area(pages(usual())[0]))
    title, after = lines[0], lines[1]
    assert title.text == "企业健康管理责任书" and {round(one.size) for one in title.signs} == {22}
    assert (title.left + title.right) / 2 == pytest.approx((LEFT + RIGHT) / 2, abs=0.5)
    assert title.y - TOP == pytest.approx(2 * LINE, abs=LINE / 2)  # on the second line
    assert after.y - title.y == pytest.approx(2 * LINE, abs=4)


def test_a_long_title_is_broken_into_even_lines():
    long = replace(usual(), title="云溪高新区企业园区楼宇重点公共场所健康管理责任书")
    lines = [one for one in lines_of(in_area(pages(long)[0])) if round(one.signs[0].size) == 22]
    assert [len(one.signs) for one in lines] == [12, 12]
    assert lines[1].y - lines[0].y == pytest.approx(LINE, abs=0.1)


def test_heads_ordinals_and_text_are_hei_kai_and_fang_of_16_points():
    signs = [one for page in pages(usual()) for one in in_area(page)]
    text = "".join(one.text for one in signs)
    head, ordinal = text.index("一、甲方职责"), text.index("（一）指导乙方")
    assert {"Sans" in one.font for one in signs[head : head + 6]} == {True}
    assert {"Kai" in one.font for one in signs[ordinal : ordinal + 3]} == {True}
    assert {"Fang" in one.font for one in signs[ordinal + 3 : ordinal + 40]} == {True}
    assert {round(one.size, 1) for one in signs[head : ordinal + 40]} == {16}


# --- DOC-5, DOC-7: what every page says, and the last ---


def test_page_numbers_stand_right_on_odd_and_left_on_even_pages_seven_millimetres_down():
    for number, page in enumerate(pages(usual()), start=1):
        foot = [one for one in page if one.y > BOTTOM]
        assert "".join(one.text for one in foot) == f"—{number}—" and {
            round(one.size, 1) for one in foot
        } == {14}
        assert "Serif" in foot[0].font
        dash = foot[0].ink
        assert (dash[1] + dash[3]) / 2 - BOTTOM == pytest.approx(7 * MM, abs=1)
        if number % 2:
            assert RIGHT - foot[-1].ink[2] == pytest.approx(14, abs=1)
        else:
            assert dash[0] - LEFT == pytest.approx(14, abs=1)


@pytest.mark.parametrize("signed", [False, True], ids=["blank", "signed"])
def test_every_page_has_number_and_pages_the_last_one_code_and_square(signed):
    found = pages(usual(), signed=signed)
    for number, page in enumerate(found, start=1):
        head = "".join(one.text for one in page if one.y < TOP)
        assert head == f"编号：{NUMBER}第{number}页共{len(found)}页"
        assert ("验证码" in "".join(one.text for one in page)) == (number == len(found))
    last = picture_of(sheets(usual(), signed=signed), len(found) - 1, scale=3)
    (square,) = zxingcpp.read_barcodes(last.convert("L"))
    assert square.text == ADDRESS and square.format == zxingcpp.BarcodeFormat.QRCode
    text = "".join(one.text for one in found[-1])
    assert "7K3M9QPR" in text and "https://jkg.example.cn/verify" in text and "ab" * 32 in text


# --- DOC-6: who the two sides are ---


def parties(text: LetterText) -> list[Line]:
    """The lines that name both sides."""
    lines = body(pages(text)[0])
    begin = next(place for place, one in enumerate(lines) if one.text.startswith("甲方："))
    return lines[begin : next(place for place, one in enumerate(lines) if one.text.startswith("为落实"))]


def test_both_sides_are_named_with_all_that_is_on_file_a_line_each():
    lines = parties(usual())
    assert [one.text for one in lines] == [
        "甲方：云溪高新区经济和信息化局", "统一社会信用代码：11990001MA0006011E", "负责人：温其玉", "地址：云溪大道1号",
        "联系人：周知行电话：0000-0000123", "乙方：云溪青禾生物科技有限公司",
        "统一社会信用代码：91510100MA00000152", "法定代表人：沈望舒", "地址：云溪高新区桂湖路18号3栋",
        "联系人：林小满电话：138****8000",
    ]  # fmt: skip
    assert {round(one.left - LEFT) for one in lines} == {0, round(3 * PITCH)}
    for above, below in pairwise(lines):
        assert below.y - above.y == pytest.approx(LINE, abs=0.3)


def test_a_long_name_and_address_go_on_below_themselves_within_the_margin():
    long = replace(
        usual().firm,
        name=LONG,
        address="云溪高新区桂湖街道锦书路18号云溪软件园B区3号楼A座12至16层东侧和西侧办公区",
    )
    lines = parties(replace(usual(), firm=long))
    assert len(lines) == 12
    assert all(one.edge <= RIGHT + 0.6 for one in lines)
    assert all(
        round(one.left - LEFT) == round(3 * PITCH) for one in lines if one.text[:2] not in ("甲方", "乙方")
    )


# --- DOC-4, DOC-6: the signature block ---


def test_the_block_is_whole_and_never_alone_on_letters_of_one_to_five_pages():
    lengths = set()
    for clauses in range(1, 84, 5):
        found = pages(filled(clauses))
        lengths.add(len(found))
        last = block(found[-1])
        text = "".join(one.text for one in last)
        for part in ("甲方（盖章）", "乙方（盖章）", "经办人", "法定代表人或授权代表", "验证码", "全文摘要"):
            assert part in text, f"{clauses} clauses: {part}"
        assert not any(block(page) for page in found[:-1])
        before = [one for one in body(found[-1]) if one.y < last[0].y - 1]
        assert len(before) >= 1, f"{clauses} clauses: the block is alone"
        assert sum("按期整改" in one.text for page in found for one in body(page)) == clauses
    assert lengths == {1, 2, 3, 4, 5}


def test_the_two_sides_stand_line_by_line_beside_each_other():
    text = replace(usual(), firm=replace(usual().firm, name=LONG))
    for signed in (False, True):
        page = pages(text, signed=signed)[-1]
        lines = block(page)
        assert "甲方（盖章）：" in lines[0].text and "乙方（盖章）：" in lines[0].text
        dates = [one for one in lines if one.text.count("年") == 2]
        assert len(dates) == 1 and dates[0].text.count("日") == 2
        if signed:
            assert dates[0].text == "2026年11月20日" * 2  # no zero is put before a number
        marks = [one for one in lines if one.text.count("（签字）：") == 2]
        assert len(marks) == 1 and marks[0].text.count("沈望舒") == 2 * signed


def test_nothing_is_said_twice_and_no_page_is_called_empty():
    text = "".join(one.text for page in pages(usual()) for one in page)
    assert "此页无正文" not in text and "发〔" not in text[: text.index("一、")].replace(
        "成高管办发〔2022〕14号", ""
    )


# --- DOC-7, DOC-8: rare signs, fonts, tags, sameness ---


@cache
def rare() -> LetterText:
    assert len(LONG) == 40
    firm = Party(LONG, "91510100MA00000152", "䶮㛃𠮷", "云溪高新区𠮷祥路18号", "㛃䶮")
    return replace(usual(), firm=firm)


def test_rare_signs_are_drawn_each_its_own_and_a_name_of_40_is_whole(caplog):
    sheets.__wrapped__(rare(), signed=True)
    assert "notdef" not in caplog.text
    found = pages(rare(), signed=True)
    text = "".join(one.text for one in found[0])
    assert LONG in text and "法定代表人：䶮㛃𠮷" in text
    scale, drawn = 4, set()
    picture = picture_of(sheets(rare(), signed=True), 0, scale=scale).convert("L")
    for name in NAMES:
        sign = next(one for one in found[0] if one.text == name)
        cut = picture.crop(tuple(round(edge * scale) for edge in sign.ink)).resize((32, 32))
        dark = sum(value < 128 for value in cut.tobytes())
        assert 100 < dark < 900, f"{name} is empty or a box"
        drawn.add(cut.tobytes())
    assert len(drawn) == len(NAMES)


def test_a_rare_sign_moves_no_line():
    lines = body(pages(rare(), signed=True)[0])
    for above, below in pairwise(lines):
        steps = (below.y - above.y) / LINE
        assert steps == pytest.approx(
            round(steps), abs=0.005 if "一、" not in above.text + below.text else 0.04
        ), below.text


def test_the_text_comes_out_in_order():
    said = subprocess.run(
        ["pdftotext", "-", "-"], input=sheets(rare()), check=True, capture_output=True
    ).stdout
    text = "".join(said.decode().split())
    wanted = (
        "企业健康管理责任书", "甲方：云溪高新区", f"乙方：{LONG}", "一、甲方职责", "（一）指导乙方", "二、乙方职责", "五、附则",
        "甲方（盖章）", "乙方（盖章）", "验证码",
    )  # fmt: skip
    places = [text.index(one) for one in wanted]
    assert places == sorted(places)


def test_fonts_are_embedded_as_subsets_and_the_file_is_small(tmp_path):
    (tmp_path / "letter.pdf").write_bytes(sheets(rare(), signed=True))
    said = subprocess.run(
        ["pdffonts", "letter.pdf"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    rows = [line.split() for line in said.stdout.splitlines()[2:]]
    assert len(rows) >= 4
    for row in rows:
        assert row[0][6] == "+" and row[-5:-2] == ["yes", "yes", "yes"], (
            row
        )  # embedded, a subset, with its unicode
    assert len(sheets(rare(), signed=True)) < 600_000


def test_it_is_tagged_and_names_title_author_and_language():
    reader = PdfReader(io.BytesIO(sheets(usual())))
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "zh-CN" and root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata.title == f"企业健康管理责任书 {NUMBER}"
    assert reader.metadata.author == "云溪高新区经济和信息化局"
    tags = _tags(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/P", "/Figure"} <= {one["/S"] for one in tags}
    assert [one["/Alt"] for one in tags if one["/S"] == "/Figure"] == ["查验地址的二维码"]


def _tags(node) -> list:
    kids = node.get("/K", [])
    kids = kids if isinstance(kids, list) else [kids]
    found = [node] if "/S" in node else []
    for kid in kids:
        kid = kid.get_object()
        if isinstance(kid, dict) and kid.get("/Type") != "/MCR":
            found += _tags(kid)
    return found


def test_the_same_letter_is_the_same_bytes():
    once = sheets(usual(), signed=True)
    assert sheets.__wrapped__(usual(), signed=True) == once


# --- the wording of every scheme ---


@pytest.mark.parametrize("scheme", ["chengdu-hitech/2022-03-23", "chengdu-hitech/2024-02-01"])
@pytest.mark.parametrize("kind", ["enterprise", "park_operator", "building_operator"])
def test_a_letter_of_any_scheme_has_at_most_four_pages_none_of_them_empty(scheme, kind):
    from models.policy.book import SHIPPED, Book

    usual_one = usual()
    facts = Facts(NUMBER, usual_one.unit, usual_one.firm, "桂湖智谷", date(2027, 1, 1), date(2027, 12, 31))
    text = LetterText.read(compose(Book.read(SHIPPED).get(scheme).letter(kind), facts))
    found = pages(text)
    assert len(found) <= 4
    assert min(len(body(page)) for page in found[:-1]) >= 11  # no page is more than half empty but the last
