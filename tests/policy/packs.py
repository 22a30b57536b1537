"""A copy of a shipped pack in a temporary folder, to be spoilt by a test."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from models.policy.book import SHIPPED

OF_2022 = "chengdu-hitech/2022-03-23"
OF_2024 = "chengdu-hitech/2024-02-01"


@dataclass(frozen=True)
class Pack:
    """One pack on disk. An edit fails when the words to replace are not there: no test spoils nothing."""

    folder: Path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        (self.folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)


def copy_of(key: str, into: Path) -> Pack:
    folder = into / key
    shutil.copytree(SHIPPED / key, folder)
    return Pack(folder)
