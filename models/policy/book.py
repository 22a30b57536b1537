"""The book of schemes (方案册): every pack that the site knows, and which is in force where and when."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Protocol

from models.policy.loader import SCHEME, load_pack
from models.policy.periods import Rules
from models.policy.records import PolicyError
from models.policy.schema import Policy
from models.policy.workdays import WorkDays

SHIPPED = Path(__file__).parent / "packs"


class Adoption(Protocol):
    """A district's decision to follow a pack from a date (采用)."""

    @property
    def scheme_key(self) -> str: ...
    @property
    def from_on(self) -> date: ...


class Book:
    """All packs, read once at the start. A broken pack stops the start: no gate opens by half a scheme."""

    def __init__(self, packs: Iterable[tuple[Path, Policy]], days: WorkDays | None = None) -> None:
        self.days = days or WorkDays()
        self._policies: dict[str, Policy] = {}
        self._folders: dict[str, Path] = {}
        for folder, policy in packs:
            if policy.key in self._policies:
                raise PolicyError(f"{folder} 与 {self._folders[policy.key]} 是同一个方案包 {policy.key}")
            self._policies[policy.key] = policy
            self._folders[policy.key] = folder

    @classmethod
    def read(cls, *folders: Path) -> "Book":
        """Every pack below the given folders, in the order of their paths, and the public holidays that lie beside them."""
        packs = ((folder, load_pack(folder)) for folder in pack_folders(*folders))
        return cls(packs, WorkDays.read(*folders))

    def keys(self) -> tuple[str, ...]:
        return tuple(self._policies)

    def get(self, key: str) -> Policy:
        """The pack of this key; a PolicyError where there is none: a record must never lose its scheme."""
        if key not in self._policies:
            raise PolicyError(f"没有方案包 {key}，现有：{'、'.join(self._policies) or '无'}")
        return self._policies[key]

    def folder(self, key: str) -> Path:
        """Where the pack of this key was read."""
        return self._folders[self.get(key).key]

    def in_force(self, adoptions: Iterable[Adoption | tuple[str, date]], on: date) -> Policy | None:
        """The pack that a district with these adoptions follows on that day, or None before its first one.

        The latest adoption decides; of two from the same day, the later in the row. Names decide nothing.
        """
        begun = [(from_on, key) for key, from_on in map(_key_and_date, adoptions) if from_on <= on]
        if not begun:
            return None
        latest = max(from_on for from_on, _ in begun)
        return self.get([key for from_on, key in begun if from_on == latest][-1])

    def rules(self, adoptions: Iterable[Adoption | tuple[str, date]]) -> Rules:
        """What a district with these adoptions reports by, over time. Of two from the same day the later in the row decides."""
        begun = {from_on: key for key, from_on in map(_key_and_date, adoptions)}
        return Rules(tuple((from_on, self.get(begun[from_on])) for from_on in sorted(begun)), self.days)


def pack_folders(*folders: Path) -> Iterator[Path]:
    """Every folder that holds a pack at or below the given ones."""
    for folder in folders:
        if not folder.is_dir():
            raise PolicyError(f"没有方案包文件夹 {folder}")
        yield from sorted(path.parent for path in folder.rglob(SCHEME))


def _key_and_date(adoption: Adoption | tuple[str, date]) -> tuple[str, date]:
    return adoption if isinstance(adoption, tuple) else (adoption.scheme_key, adoption.from_on)
