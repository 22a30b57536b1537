"""The rules of the house that no linter knows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = [*ROOT.glob("blueprints/**/*.py"), *ROOT.glob("models/**/*.py"), ROOT / "app.py"]
TEMPLATES = list(ROOT.glob("templates/**/*.html"))


def named(paths):
    return [pytest.param(p, id=str(p.relative_to(ROOT))) for p in sorted(paths)]


@pytest.mark.parametrize("file", named(PYTHON))
def test_every_module_says_what_it_is_for(file: Path):
    text = file.read_text()
    assert not text.strip() or "migrations/versions" in str(file) or text.lstrip().startswith('"""')


# The guard itself; sessions of signed-in browsers and a renewed password hash; the ticket that a download spends.
OWN_TRANSACTIONS = ("guard.py", "sign_in.py", "door.py", "downloads.py")


@pytest.mark.parametrize("file", named(p for p in PYTHON if "blueprints" in p.parts))
def test_a_view_commits_through_the_guard_and_stays_short(file: Path):
    text = file.read_text()
    assert len(text.splitlines()) <= 400
    if file.name not in OWN_TRANSACTIONS and not file.name.endswith("_commands.py"):
        assert "session.commit(" not in text, "commit() of the guard writes the audit line"


@pytest.mark.parametrize("file", named(ROOT.glob("models/*.py")))
def test_models_read_no_clock_and_commit_nothing(file: Path):
    text = file.read_text()
    assert not re.search(r"datetime\.(now|utcnow)\(|date\.today\(|time\.time\(\)|session\.commit\(", text)


def test_the_only_way_past_autoescaping_is_markup_that_we_build(app):
    for file in TEMPLATES:
        assert "|safe" not in file.read_text().replace(" ", ""), file


@pytest.mark.parametrize("file", named(TEMPLATES))
def test_templates_carry_no_inline_script_style_or_foreign_address(file: Path):
    text = re.sub(r"\{#.*?#\}", "", file.read_text(), flags=re.S)
    if "documents" in file.parts or file.name == "document.html":
        return  # printed pages: never sent to a browser
    assert not re.search(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|https?://(?!www\.w3\.org)", text
    )


PAGES = [
    p
    for p in TEMPLATES
    if p.parent.parent.name == "templates" and p.parent.name not in ("components", "documents")
]


@pytest.mark.parametrize("file", named(PAGES))
def test_a_page_extends_and_a_partial_does_not(file: Path):
    text = file.read_text()
    assert text.lstrip().startswith("{% extends") != file.name.startswith("_"), file
