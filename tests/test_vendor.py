"""Files taken from other projects are what their makers published, and carry their licences."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
MANIFESTS = sorted(
    [*(ROOT / "static").rglob("MANIFEST.json"), *(ROOT / "tests/vendor").rglob("MANIFEST.json")]
)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_vendored_files_match_their_manifest_and_the_locked_version(manifest):
    about = json.loads(manifest.read_text("utf-8"))
    if "source" not in about:  # what comes from elsewhere than npm says from where
        locked = LOCK["node_modules/" + about["package"]]
        assert (about["version"], about["licence"]) == (locked["version"], locked["license"])
    assert "LICENSE" in about["sha256"]
    for name, digest in about["sha256"].items():
        assert hashlib.sha256((manifest.parent / name).read_bytes()).hexdigest() == digest, name


def test_a_vendor_folder_holds_nothing_that_its_manifest_does_not_name():
    for folder in [*(ROOT / "static/vendor").iterdir(), *(ROOT / "tests/vendor").iterdir()]:
        named = json.loads((folder / "MANIFEST.json").read_text("utf-8"))["sha256"]
        assert {file.name for file in folder.iterdir()} == {*named, "MANIFEST.json"}
        for name in named:
            assert b"sourceMappingURL" not in (folder / name).read_bytes(), f"{name}: its map would be a 404"
