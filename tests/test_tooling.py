"""The two commands of a newcomer, and what the repository must not hold."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Patterns are put together here, so that this file does not match them itself.
FOLDERS = "|".join(("ro" + "ot", "ho" + "me", "wo" + "rk"))
MACHINE_PATH = re.compile(rf"(?<![\w.:/-])/({FOLDERS})/[\w.]")
HOSTS = (
    "np" + "mjs",
    "py" + "pi.org",
    "python" + "hosted",
    "deb." + "debian",
    "un" + "pkg.com",
    "js" + "delivr",
)
REGISTRY = re.compile("|".join(re.escape(host) for host in (*HOSTS, "cdn" + "js")), re.IGNORECASE)
PRIVATE_KEY = re.compile("BEGIN [A-Z ]*PRIVATE" + " KEY")
# written by other projects, shipped unchanged
VENDORED = ("static/vendor/", "tests/vendor/")


def tracked() -> list[Path]:
    """Every text file that git holds or would hold."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (MACHINE_PATH, "a path of one machine"),
        (REGISTRY, "a registry's host"),
        (PRIVATE_KEY, "a private key"),
    ],
    ids=["machine path", "registry", "private key"],
)
def test_no_tracked_file_holds(pattern, what):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if not str(path.relative_to(ROOT)).startswith(VENDORED)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, what


def test_the_lock_of_npm_names_no_download_address():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all(
        package["integrity"].startswith("sha512-") for name, package in lock["packages"].items() if name
    )


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True
    )
    assert {"run", "test", "lint", "bench", "clean", "help"} <= targets
    assert {line.split()[1] for line in listed.stdout.splitlines()} == targets
    phony = re.search(r"^\.PHONY:(.*)", makefile, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets


def test_scripts_can_be_run_and_stop_at_the_first_error():
    for script in [*ROOT.glob("tools/*.sh"), ROOT / ".ci/run"]:
        assert os.access(script, os.X_OK), f"{script.name} is not executable"
        assert "set -euo pipefail" in script.read_text("utf-8"), script.name


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_is_pinned_and_locked():
    """A version that is typed twice is the same twice; `make lock` writes the second."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    locked = {
        normal(name): version for name, found, version in (one.partition("==") for one in lines) if found
    }
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / file).read_text("utf-8").splitlines():
            line = line.partition("#")[0].strip()
            if not line or line.startswith("-r "):
                continue
            pinned = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", line)
            assert pinned, f"{file}: {line} is not pinned"
            assert locked.get(normal(pinned[1])) == pinned[2], f"{line}: run `make lock`"
