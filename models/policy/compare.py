"""Two packs side by side (方案对照), and a new pack begun from an old one (新方案)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from models.policy import names
from models.policy.examples import load_examples
from models.policy.loader import FILES, SCHEME, load_pack
from models.policy.records import PolicyError, item_name, walk
from models.policy.schema import Policy, Source

ABSENT = object()
SCHEME_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CHECKED = re.compile(r'(\bchecked\s*=\s*)("[^"\n]*"|\'[^\'\n]*\')')


@dataclass(frozen=True, slots=True)
class Difference:
    """One key in which two packs differ; None stands on the side where the key is not there at all."""

    key: str
    was: Any  # ABSENT where the key is not there
    becomes: Any

    @property
    def before(self) -> str | None:
        return _words(self.was)

    @property
    def after(self) -> str | None:
        return _words(self.becomes)

    @property
    def name(self) -> str:
        return names.name_of(self.key)

    @property
    def named_before(self) -> str | None:
        return names.value_of(self.key, self.was) or self.before

    @property
    def named_after(self) -> str | None:
        return names.value_of(self.key, self.becomes) or self.after

    def sentence(self) -> str:
        if self.before is None:
            return f"{self.key}：新增 {self.after}"
        if self.after is None:
            return f"{self.key}：去掉 {self.before}"
        return f"{self.key}：{self.before} → {self.after}"


def diff(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """Every key in which the new pack says something else. The digest follows from them and is left out."""
    return tuple(found for found in _differences("", old, new) if found.key != "digest")


def _differences(key: str, old: Any, new: Any) -> Iterator[Difference]:
    old_parts, new_parts = parts(old), parts(new)
    if old_parts is not None and new_parts is not None:
        for name in dict.fromkeys([*old_parts, *new_parts]):
            inner = f"{key}{name}" if name.startswith("[") or not key else f"{key}.{name}"
            yield from _differences(inner, old_parts.get(name, ABSENT), new_parts.get(name, ABSENT))
    elif old != new:
        yield Difference(key, old, new)


def parts(value: Any) -> dict[str, Any] | None:
    """The keyed parts of a record, table or list, or None where the value is to be compared as one thing."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, tuple) and all(map(is_dataclass, value)):
        numbered = enumerate(value, start=1)
        return {f"[{item_name(type(part), part, number)}]": part for number, part in numbered}
    return None


def _words(value: Any) -> str | None:
    """A value as an official reads it: a whole rule by its label or sentence, a list by its members."""
    if value is ABSENT:
        return None
    if isinstance(value, Source):
        return f"{value.document} {value.clause}"
    for name in ("label", "sentence"):
        if hasattr(value, name) and is_dataclass(value):
            return f"“{getattr(value, name)}”"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, tuple):
        return "、".join(str(_words(part)) for part in value) or "（空）"
    if value is None or value == "":
        return "（不写）"
    return str(value) if isinstance(value, int | Decimal | date) else f"“{value}”"


def begin_pack(source: Path, key: str, into: Path) -> Path:
    """A new pack `scheme/version` below `into`, with the rules of the pack in the folder `source`.

    It takes effect on the date that is its version. No citation counts as checked any more: somebody has to
    read the new document. The text is copied, not written anew, so that the comments stay. Never overwrites.
    """
    scheme, version = _scheme_and_version(key)
    folder = into / scheme / version
    if folder.exists():
        raise PolicyError(f"{folder} 已经有了，没有改动它；换一个日期，或先看过再删去")
    texts = {name: (source / name).read_text(encoding="utf-8") for name in FILES}
    texts[SCHEME] = _with_line(texts[SCHEME], "scheme", f'"{scheme}"')
    texts[SCHEME] = _with_line(texts[SCHEME], "version", f'"{version}"')
    texts[SCHEME] = _with_line(texts[SCHEME], "effective_on", version)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(CHECKED.sub(r'\1""', text), encoding="utf-8")
    _check_begun(folder, key)
    return folder


def _scheme_and_version(key: str) -> tuple[str, str]:
    scheme, _, version = key.partition("/")
    try:
        exact = date.fromisoformat(version).isoformat() == version
    except ValueError:
        exact = False
    if not exact or not SCHEME_NAME.fullmatch(scheme):
        raise PolicyError(f"“{key}”要写成 方案/日期，例如 chengdu-hitech/2026-01-01")
    return scheme, version


def _with_line(text: str, key: str, value: str) -> str:
    return re.sub(rf"^{key}\s*=.*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)


def _check_begun(folder: Path, key: str) -> None:
    """Text was replaced by pattern; only what the loader then reads shows that it was replaced everywhere."""
    policy = load_pack(folder)
    load_examples(folder)
    if policy.key != key or policy.effective_on.isoformat() != policy.version:
        raise PolicyError(f"{folder}/{SCHEME} 的 scheme、version、effective_on 没有换成 {key}，请手工改正")
    for record in walk(policy):
        if isinstance(record, Source) and record.citable:
            raise PolicyError(f"{folder} 里还有没清空的 checked（{record.clause}），请手工清空")
