"""Style sheets stay within what the oldest phone at a gate understands (Chromium 80, Safari 13)."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tinycss2

CSS = Path(__file__).resolve().parent.parent / "static/css"
SHEETS = sorted(CSS.glob("*.css"))
VISITOR_BYTES = 4096  # compressed; the whole gate page has 15 KB

# shorthands of 2020 and 2021: an older browser drops the line, and the box falls apart
YOUNG = {"inset", "margin-inline", "margin-block", "padding-inline", "padding-block", "aspect-ratio"}
YOUNG_SELECTORS = (":is(", ":where(", ":has(", "&")


def rules(nodes) -> Iterator:
    """Every rule of a parsed sheet, those within @media and @supports too."""
    for node in nodes:
        if node.type in ("qualified-rule", "at-rule"):
            yield node
            if node.type == "at-rule" and node.lower_at_keyword in ("media", "supports"):
                yield from rules(
                    tinycss2.parse_rule_list(node.content, skip_whitespace=True, skip_comments=True)
                )


def sheet(path: Path) -> list:
    text = path.read_text("utf-8")
    return list(rules(tinycss2.parse_stylesheet(text, skip_whitespace=True, skip_comments=True)))


def declarations(rule) -> Iterator[tuple[str, str]]:
    nodes = tinycss2.parse_declaration_list(rule.content, skip_whitespace=True, skip_comments=True)
    for node in nodes:
        assert node.type == "declaration", f"{tinycss2.serialize(rule.prelude)}: {node}"
        yield node.name, tinycss2.serialize(node.value).strip()


def selector(rule) -> str:
    return tinycss2.serialize(rule.prelude).strip()


def variables(path: Path) -> dict[str, str]:
    """The colours that a sheet names on :root outside of any condition, #fff written in full."""
    nodes = tinycss2.parse_stylesheet(path.read_text("utf-8"), skip_whitespace=True, skip_comments=True)
    found = {}
    for rule in nodes:
        if rule.type == "qualified-rule" and selector(rule) == ":root":
            for name, value in declarations(rule):
                if name.startswith("--") and value.startswith("#"):
                    short = re.fullmatch(r"#([0-9a-f])([0-9a-f])([0-9a-f])", value.lower())
                    found[name] = "#" + "".join(one * 2 for one in short.groups()) if short else value.lower()
    return found


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_sheets_use_no_layer_nesting_or_young_selectors(path):
    for rule in sheet(path):
        if rule.type == "at-rule":
            # the printed sheets name their paper; only the two conditions below hold further rules
            assert rule.lower_at_keyword in {"media", "supports", "page", "font-face", "keyframes"}, rule
            continue
        for young in YOUNG_SELECTORS:
            assert young not in selector(rule), f"{young} in {selector(rule)}"
        assert not any(node.type == "{} block" for node in rule.content), f"nested: {selector(rule)}"
        for inner in re.findall(r":not\(([^)]*)\)", selector(rule)):
            assert "," not in inner, f"a list in :not() is younger than our floor: {selector(rule)}"


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_declarations_are_well_formed_and_write_logical_shorthands_out(path):
    for rule in sheet(path):
        if rule.type == "qualified-rule":
            names = {name for name, _ in declarations(rule)}
            assert not names & YOUNG, f"{names & YOUNG} in {selector(rule)}"


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_a_selector_that_old_browsers_do_not_know_stands_in_a_rule_of_its_own(path):
    """One unknown selector in a list makes a browser drop the whole rule."""
    for rule in sheet(path):
        if rule.type == "qualified-rule" and ":focus-visible" in selector(rule):
            assert all(":focus-visible" in one for one in selector(rule).split(",")), selector(rule)


@pytest.mark.parametrize("name", ["visitor.css", "guard.css"])
def test_the_gate_needs_no_gap_between_flex_items(name):
    for rule in sheet(CSS / name):
        if rule.type == "qualified-rule":
            for property_, value in declarations(rule):
                assert property_ not in ("gap", "row-gap", "column-gap"), f"{property_}: {value}"


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_sheets_fetch_nothing_from_elsewhere(path):
    assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", path.read_text("utf-8"))


def test_visitor_colours_are_the_tokens():
    tokens, visitor = variables(CSS / "tokens.css"), variables(CSS / "visitor.css")
    assert len(visitor) > 10
    assert visitor == {name: tokens.get(name) for name in visitor}


def test_the_visitor_sheet_is_small():
    size = len(gzip.compress((CSS / "visitor.css").read_bytes(), 9, mtime=0))
    assert size <= VISITOR_BYTES, f"visitor.css is {size} bytes compressed"


def test_no_link_of_the_masthead_is_hidden_for_its_place_alone():
    """On a gate's shared phone the last one is 交班."""
    for path in SHEETS:
        for rule in sheet(path):
            if rule.type == "qualified-rule" and any(
                name == "display" and value == "none" for name, value in declarations(rule)
            ):
                assert not re.search(r"masthead__tools.*-(child|of-type)", tinycss2.serialize(rule.prelude))
