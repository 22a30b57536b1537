"""Every key of a pack has a Chinese name, and so has every word of its closed lists."""

import re
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from models.policy import names, schema
from models.policy.book import SHIPPED, Book
from models.policy.compare import diff, parts
from tests.policy.packs import OF_2022, OF_2024

BOOK = Book.read(SHIPPED)
LATIN = re.compile(r"[A-Za-z]")


def leaves(key: str, value: Any):
    inside = parts(value)
    if inside is None:
        yield key, value
        return
    for name, part in inside.items():
        yield from leaves(f"{key}{name}" if name.startswith("[") or not key else f"{key}.{name}", part)


@pytest.mark.parametrize("pack", [OF_2022, OF_2024])
def test_every_key_of_a_pack_has_a_chinese_name(pack: str):
    named = {key: names.name_of(key) for key, _ in leaves("", BOOK.get(pack)) if key != "digest"}
    assert not [key for key, name in named.items() if LATIN.search(name)]
    of_one_area = [(key.partition(".")[0].partition("[")[0], name) for key, name in named.items()]
    assert len(set(of_one_area)) == len(of_one_area)  # nor do two keys share one


@pytest.mark.parametrize("kind", [one for one in vars(schema).values() if is_dataclass(one)])
def test_every_field_of_the_schema_has_a_name_and_its_closed_words_too(kind: type):
    for name, hint in get_type_hints(kind).items():
        if (kind is schema.Policy and is_container(hint)) or name in ("bands", "required", "named_by"):
            continue
        if kind is not schema.StaffingDuty and name != "digest":
            assert name in names.FIELDS, name
        words = closed(hint)
        assert set(words) <= set(names.VALUES.get(name, {})), name
    assert fields(kind)


def is_container(hint: Any) -> bool:
    return is_dataclass(hint) or (get_origin(hint) is not None and not closed(hint))


def closed(hint: Any) -> list[str]:
    """The words that a type lists: of a Literal, an Enum, a tuple of either."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [one.value for one in hint]
    if get_origin(hint) is tuple:
        return closed(get_args(hint)[0])
    return []


def test_names_read_as_officials_say_them():
    for key, name in {
        "gate.normal.judged": "常态：是否判定能否进入",
        "measures_in_force.normal": "常态：测温、口罩等措施是否实行",
        "retention.visitor_may_delete.emergency": "应急：访客能否提前删除自己的登记",
        "gate.emergency.questions[symptoms].choices[fever].reason": "应急：登记项“症状”，选项“发热”，写给访客的原因",
        "posts[specialist].duty": "健康管理专员：职责",
        "staffing.bands[29].required.health_manager": "29人以上（不含）一档：必须设的人数，健康管理员",
        "staffing.bands[200].per_further.advised": "200人以上（不含）一档：人数再多时增设，建议设时零头",
        "thresholds.fever_celsius": "达到多少℃禁止进入",
        "title": "名称",
    }.items():
        assert names.name_of(key) == name


def test_values_of_closed_lists_dates_and_times_are_written_as_people_do():
    found = {
        one.key: (one.named_before, one.named_after) for one in diff(BOOK.get(OF_2022), BOOK.get(OF_2024))
    }
    assert found["status"] == ("试行", "草案")
    assert found["reporting.normal.period"] == ("每周", "每月")
    assert found["effective_on"] == ("2022年3月23日", "2024年2月1日")
    assert found["gate.normal.judged"] == ("是", "否")
    assert found["gate.normal.questions[purpose]"] == (None, "“来做什么”")
    assert (
        names.value_of("staffing.counted_kinds", BOOK.get(OF_2022).staffing.counted_kinds[:2])
        == "本单位职工、劳务派遣"
    )
