"""Copies the front-end files pinned in package.json from node_modules into the repository, with digests.

Run `make vendor` after a change of a pin and commit what it wrote; neither the site nor its tests need npm.
Each folder gets the package's LICENSE and a MANIFEST.json, to which tests/test_vendor.py holds its files.
"""

import hashlib
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"

# package -> (folder in the repository, files taken from the package)
TAKEN = {
    "bootstrap": ("static/vendor/bootstrap", ["dist/css/bootstrap.min.css", "LICENSE"]),
    "htmx.org": ("static/vendor/htmx", ["dist/htmx.min.js", "LICENSE"]),
    "signature_pad": ("static/vendor/signature_pad", ["dist/signature_pad.umd.min.js", "LICENSE"]),
    # sprite.svg is drawn by hand from Lucide's shapes and our own, so only the licence is copied
    "lucide-static": ("static/icons", ["LICENSE"]),
    "axe-core": ("tests/vendor/axe", ["axe.min.js", "LICENSE"]),
}


def copy(package: str, folder: Path, files: list[str]) -> None:
    """Copies the files flat into the folder, without source-map lines, and writes its MANIFEST.json."""
    folder.mkdir(parents=True, exist_ok=True)
    about = json.loads((MODULES / package / "package.json").read_text("utf-8"))
    digests = {}
    for file in files:
        lines = (MODULES / package / file).read_text("utf-8").split("\n")
        # the maps are not copied: a line that names one would be a 404 in each developer's console
        text = "\n".join(line for line in lines if "sourceMappingURL" not in line)
        target = folder / Path(file).name
        target.write_text(text, "utf-8")
        digests[target.name] = hashlib.sha256(target.read_bytes()).hexdigest()
    manifest = {
        "package": package,
        "version": about["version"],
        "licence": about["license"],
        "sha256": digests,
    }
    (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    print(f"{package} {about['version']} -> {folder.relative_to(ROOT)}")


def main() -> None:
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=ROOT, check=True)
    for package, (folder, files) in TAKEN.items():
        copy(package, ROOT / folder, files)


if __name__ == "__main__":
    main()
