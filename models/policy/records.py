"""A TOML table (方案包里的一张表) read strictly into a frozen record, guided by the record's own annotations.

The closed lists of the schema are its types: an Enum or a Literal lists the words that may stand there. A key
may be left out only where the record has a default, or where None is one of its types.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import cache
from string import Template
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS_FOR_TYPES: Mapping[Any, str] = {
    str: "加引号的文字",
    int: "不加引号的整数",
    bool: "true或false",
    Decimal: "带小数点的数，例如37.3",
    date: "日期，例如2022-03-23",
    time: "时刻，例如12:00:00",
    datetime: "日期和时刻，例如2022-04-04T12:00:00",
}


class PolicyError(ValueError):
    """A pack that cannot be used: says in Chinese which file and which key, and what is expected there."""


class Place(str):
    """Where in a pack we are, as a person would say it: `gate.toml 的 normal.questions[mask].label`."""

    def key(self, name: object) -> "Place":
        return Place(f"{self}.{name}" if " 的 " in self else f"{self} 的 {name}")

    def item(self, name: object) -> "Place":
        return Place(f"{self}[{name}]")

    def fault(self, words: str) -> PolicyError:
        """What is wrong here, to be raised."""
        return PolicyError(f"{self}：{words}")


def build(kind: Any, value: Any, place: Place, **given: Any) -> Any:
    """`value`, as TOML gave it, as a `kind`. `given` are the fields of a record that its table leaves out."""
    origin, members = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record(kind, _expect(dict, value, place), place, given)
    if origin is tuple:
        return _list(members[0], _expect(list, value, place), place)
    if origin is Mapping:
        return _mapping(members[0], members[1], _expect(dict, value, place), place)
    if origin in (Union, types.UnionType):
        return _one_of(members, value, place)
    if origin is Literal:
        return _listed(members, value, place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_listed([member.value for member in kind], value, place))
    return _plain(kind, value, place)


def item_name(kind: Any, item: Any, position: int) -> object:
    """What an item of a list of `kind` is called in messages: questions[mask] rather than questions[3].

    A record says by `named_by` which of its fields names it, a word names itself, all else is counted from 1.
    """
    if isinstance(item, str):
        return item
    named_by = getattr(kind, "named_by", None)
    if named_by is None:
        return position
    return item.get(named_by, position) if isinstance(item, dict) else getattr(item, named_by, position)


@cache
def _shape(kind: type) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in fields(kind))


def _record(kind: Any, table: dict[str, Any], place: Place, given: dict[str, Any]) -> Any:
    shape = [(field, hint) for field, hint in _shape(kind) if field.name not in given]
    unknown = [key for key in table if key not in {field.name for field, _ in shape}]
    if unknown:
        raise place.key(unknown[0]).fault("没有这个键")
    values = dict(given)
    for field, hint in shape:
        if field.name in table:
            values[field.name] = build(hint, table[field.name], place.key(field.name))
            # An empty label is a forgotten one; where emptiness means something, the record has a default.
            if values[field.name] == "" and field.default is MISSING:
                raise place.key(field.name).fault("不能是空的")
        elif field.default is MISSING and type(None) in get_args(hint):
            values[field.name] = None
        elif field.default is MISSING and field.default_factory is MISSING:
            raise place.key(field.name).fault("缺少这个键")
    return kind(**values)


def _list(kind: Any, values: list[Any], place: Place) -> tuple[Any, ...]:
    names = [item_name(kind, value, position) for position, value in enumerate(values, start=1)]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise place.item(name).fault("重复了")
    return tuple(build(kind, value, place.item(name)) for name, value in zip(names, values, strict=True))


def _mapping(key_kind: Any, value_kind: Any, table: dict[str, Any], place: Place) -> Mapping[Any, Any]:
    """Read-only. A mapping over an Enum has every member: no response mode is left without its rule."""
    built = {}
    for key, value in table.items():
        name = build(key_kind, key, place.key(key))
        # A record in a table for one mode learns the mode from the table's name, and nobody types it twice.
        of_mode = {"mode": name} if is_dataclass(value_kind) and _has_field(value_kind, "mode") else {}
        built[name] = build(value_kind, value, place.key(key), **of_mode)
    if isinstance(key_kind, type) and issubclass(key_kind, Enum):
        for member in key_kind:
            if member not in built:
                raise place.key(member.value).fault("缺少这张表")
    return types.MappingProxyType(built)


def _has_field(kind: Any, name: str) -> bool:
    return any(field.name == name for field in fields(kind))


def _one_of(members: tuple[Any, ...], value: Any, place: Place) -> Any:
    """The member that fits: `int | None` is an int (TOML has no null), `str | tuple` goes by the brackets."""
    for member in members:
        if member is not type(None) and isinstance(value, list) == (get_origin(member) is tuple):
            return build(member, value, place)
    raise place.fault("这里不能写成列表" if isinstance(value, list) else "这里要写成列表")


def _listed(allowed: Any, value: Any, place: Place) -> Any:
    if value not in allowed:
        raise place.fault(f"没有“{value}”这个写法，可以写：{'、'.join(map(str, allowed))}")
    return value


def _plain(kind: Any, value: Any, place: Place) -> Any:
    # Not isinstance: to Python true is an int and an instant is a date, to the author of a pack neither is.
    if type(value) is not kind:
        raise place.fault(f"要写成{WORDS_FOR_TYPES[kind]}，现在是{value}")
    if kind is int and value < 0:
        raise place.fault(f"不能是负数，现在是{value}")
    return value


def _expect(kind: type, value: Any, place: Place) -> Any:
    if not isinstance(value, kind):
        raise place.fault("要写成一张表" if kind is dict else "要写成列表")
    return value


def with_texts(value: Any, change: Callable[[str, Place], str], place: Place) -> Any:
    """The same records with `change` applied to each text in them; it is told where the text stands."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(
            value, **{key: with_texts(part, change, place.key(key)) for key, part in parts.items()}
        )
    if isinstance(value, Mapping):
        return types.MappingProxyType(
            {key: with_texts(part, change, place.key(key)) for key, part in value.items()}
        )
    if isinstance(value, tuple):
        named = [(item_name(type(part), part, number), part) for number, part in enumerate(value, start=1)]
        return tuple(with_texts(part, change, place.item(name)) for name, part in named)
    return change(value, place) if type(value) is str else value


def with_blanks_filled(
    records: Any, declared: tuple[str, ...], known: Mapping[str, str], place: Place, texts: Place, *,
    what: str = "数值", dollars: bool = True,
) -> Any:  # fmt: skip
    """The records that stand at `texts`, with the blanks ($risk_area_days) that the table at `place` declares filled from what is known;
    each is declared and used. `what` fills them, in a word; `dollars`: whether $$ prints one.

    A figure thus stands in one place, and no label goes on saying 14天 where the scheme has gone over to 7.
    """
    used: set[str] = set()

    def fill(text: str, at: Place) -> str:
        template = Template(text)
        if not template.is_valid() or ("$$" in text and not dollars):
            raise at.fault(f"$ 后面要写空的名称；{'要印出 $ 本身，写 $$' if dollars else '责任书里不印 $'}")
        for blank in template.get_identifiers():
            if blank not in declared:
                raise at.fault(f"用了空 ${blank}，但 blanks 里没有声明")
        used.update(template.get_identifiers())
        return template.substitute(known)

    for blank in declared:
        if blank not in known:
            raise place.key("blanks").fault(f"空 ${blank} 没有{what}可填，可以用：{'、'.join(known)}")
    filled = with_texts(records, fill, texts)
    for blank in declared:
        if blank not in used:
            raise place.key("blanks").fault(f"声明了空 ${blank}，但没有用到")
    return filled


def walk(record: Any) -> Iterator[Any]:
    """The record and every record inside it."""
    if is_dataclass(record):
        yield record
        for field in fields(record):
            yield from walk(getattr(record, field.name))
    elif isinstance(record, Mapping):
        for value in record.values():
            yield from walk(value)
    elif isinstance(record, tuple):
        for value in record:
            yield from walk(value)
