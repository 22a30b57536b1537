"""The page reader finds each fault that it is there for, and finds none in a good page."""

import pytest

from tests.browser import BadPage, read

GOOD = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>企业 · 名单</title>
<link rel="stylesheet" href="/static/css/app.css"><script src="/static/js/site.js" defer></script></head>
<body><a href="#main">跳到正文</a>
<main id="main"><h1>企业名单</h1>
<p>第一行
  续行 <b>粗</b>体</p>
<svg viewBox="0 0 9 9" aria-hidden="true"><use href="/static/icons/sprite.svg#i-bell"/></svg>
<form method="post" action="/enterprises/" hx-post="/enterprises/?page=2" hx-target="#main">
<input type="hidden" name="csrf" value="x">
<label for="q">名称</label> <input id="q" name="q" value="旧" aria-describedby="q-hint">
<p id="q-hint">简称也可以</p>
<fieldset><legend>口罩</legend><label><input type="radio" name="mask" value="yes"> 戴了</label>
<label><input type="radio" name="mask" value="no"> 没戴</label></fieldset>
<label>街道 <select name="street">
<option value="1">一</option><option value="2" selected>二</option></select></label>
<label><input type="checkbox" name="agree" checked> 同意</label>
<label>备注 <textarea name="note">
写过的</textarea></label>
<button name="do" value="save">保存</button></form>
<a href="/x/" aria-label="关闭"></a>
</main></body></html>"""


def test_a_good_page_has_no_faults_and_can_be_asked_about():
    page = read(GOOD)
    assert (page.title, page.h1) == ("企业 · 名单", "企业名单")
    assert "第一行 续行 粗体" in page.text
    assert page.link("关闭") == "/x/"
    assert {one.url for one in page.links} >= {
        "/static/css/app.css",
        "/static/js/site.js",
        "/enterprises/?page=2",
    }
    form = page.form("/enterprises/")
    assert (form.method, form.buttons) == ("post", [("do", "save", "保存")])
    expected = {"csrf": ["x"], "q": ["旧"], "street": ["2"], "agree": ["on"], "note": ["写过的"]}
    assert form.data() == expected
    assert form.data(mask="yes", agree=None)["mask"] == ["yes"]
    assert form.choices["mask"] == ["yes", "no"]
    with pytest.raises(KeyError, match="temperature"):
        form.data(temperature="36.5")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<!doctype html>", "", "DOCTYPE"),
        ("</b>", "</i>", "end tag"),
        ('id="q-hint"', 'id="q"', "stands 2 times"),
        ('id="q-hint"', "", "names nothing"),
        ('for="q"', 'for="w"', "has no label"),
        ("名称", "", "has no label"),
        ("<h1>企业名单</h1>", "", "0 h1"),
        ("<p>第", "<h1>二</h1><p>第", "2 h1"),
        ("<title>企业 · 名单</title>", "", "no title"),
        (' lang="zh-CN"', "", "no language"),
        ('<main id="main">', '<main id="main" style="color:red">', "style attribute"),
        ('<main id="main">', '<main id="main" onclick="x()">', "a handler onclick"),
        ('<main id="main">', '<main id="main" hx-on:click="x()">', "a handler hx-on:click"),
        ("</h1>", "</h1><script>x()</script>", "an inline script"),
        ("</h1>", "</h1><style>p{}</style>", "an inline style sheet"),
        ('href="/x/"', 'href="javascript:x()"', "a script in href"),
        ('href="#main"', 'href="#"', "leads nowhere"),
        ('hx-target="#main"', 'hx-target="#list"', "leads nowhere"),
        ("<legend>口罩</legend>", "", "no fieldset with a legend"),
        (' aria-label="关闭"', "", "has no words"),
        ("</h1>", '</h1><img src="/a.png">', "has no alt"),
        (' hx-post="/enterprises/?page=2"', ' hx-post="/fragments/enterprises"', "but with htmx"),
        ('action="/enterprises/" ', "", "does nothing without JavaScript"),
        ("第一行", "{{ name }}", "prints '{{'"),
        ("<p>第一行", "<p><div>第一行", "end tag"),
    ],
)
def test_each_fault_is_found(old, new, fault):
    assert GOOD.count(old) >= 1
    with pytest.raises(BadPage, match=fault.replace("{", r"\{")):
        read(GOOD.replace(old, new, 1))


def test_a_fragment_has_one_root_with_an_id_and_may_refer_to_the_page_around_it():
    row = read(
        '<tr id="row-3"><td><a href="/issues/3" hx-get="/issues/3" hx-target="#case">三</a></td></tr>',
        whole=False,
    )
    assert row.text == "三"
    assert read('<ul id="list" aria-labelledby="outside"><li>一</li></ul>', whole=False).text == "一"
    with pytest.raises(BadPage, match="2 root elements"):
        read('<p id="a">一</p><p>二</p>', whole=False)
    with pytest.raises(BadPage, match="1 root elements, expected one with an id"):
        read("<p>一</p>", whole=False)
