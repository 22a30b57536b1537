"""Two packs side by side, and a new pack begun from an old one."""

from datetime import date
from pathlib import Path

import pytest

from models.policy.book import SHIPPED, Book
from models.policy.compare import begin_pack, diff
from models.policy.examples import run_examples
from models.policy.loader import PolicyError, load_pack
from models.policy.records import walk
from models.policy.schema import Source
from tests.policy.packs import OF_2022, OF_2024, Pack

BOOK = Book.read(SHIPPED)


def sentences(old: str, new: str) -> list[str]:
    return [difference.sentence() for difference in diff(BOOK.get(old), BOOK.get(new))]


def test_a_pack_does_not_differ_from_itself():
    assert sentences(OF_2022, OF_2022) == []


def test_the_difference_names_each_key_and_both_values(pack: Pack):
    pack.edit("scheme.toml", "fever_celsius = 37.3", "fever_celsius = 37.5")
    pack.edit("staffing.toml", "required = { health_manager = 1 }", "required = { health_manager = 2 }")
    found = [difference.sentence() for difference in diff(BOOK.get(OF_2022), load_pack(pack.folder))]
    assert [one for one in found if not one.startswith("letters")] == [
        "staffing.bands[29].required.health_manager：1 → 2",
        "report[fever].label：“发热（37.3℃以上）” → “发热（37.5℃以上）”",
        "thresholds.fever_celsius：37.3 → 37.5",
    ]
    worded = [one.partition("：")[0] for one in found if one.startswith("letters")]
    kinds = ("enterprise", "park_operator", "building_operator")
    assert worded == [f"letters[{kind}].firm_duties" for kind in kinds]


def test_a_question_that_only_one_pack_asks_is_one_line():
    found = sentences(OF_2022, OF_2024)
    assert "gate.normal.questions[temperature]：去掉 “今天的体温”" in found
    assert "gate.normal.questions[purpose]：新增 “来做什么”" in found
    assert "gate.normal.judged：是 → 否" in found
    assert "reporting.normal.period：“week” → “month”" in found
    assert "posts[health_guide]：新增 “健康指导员”" in found
    assert not any("temperature].label" in sentence for sentence in found if "normal" in sentence)


def test_a_new_pack_loads_under_its_own_date_and_holds_its_worked_cases(tmp_path: Path):
    folder = begin_pack(SHIPPED / OF_2022, "chengdu-hitech/2027-01-01", tmp_path)
    policy = load_pack(folder)
    assert policy.key == "chengdu-hitech/2027-01-01"
    assert policy.effective_on == date(2027, 1, 1)
    assert run_examples(policy, folder) == []
    keys = {difference.key for difference in diff(BOOK.get(OF_2022), policy)}
    assert {key for key in keys if not key.endswith("source.checked")} == {"version", "effective_on"}


def test_a_new_pack_has_no_checked_citation(tmp_path: Path):
    policy = load_pack(begin_pack(SHIPPED / OF_2022, "chengdu-hitech/2027-01-01", tmp_path))
    assert not any(source.citable for source in walk(policy) if isinstance(source, Source))


def test_a_new_pack_keeps_the_comments_of_the_old_one(tmp_path: Path):
    folder = begin_pack(SHIPPED / OF_2022, "other-district/2027-01-01", tmp_path)
    assert "“30人以下”不含30人" in (folder / "staffing.toml").read_text(encoding="utf-8")


def test_a_new_pack_never_overwrites_one(tmp_path: Path):
    folder = begin_pack(SHIPPED / OF_2022, "chengdu-hitech/2027-01-01", tmp_path)
    before = load_pack(folder).digest
    with pytest.raises(PolicyError, match="已经有了"):
        begin_pack(SHIPPED / OF_2024, "chengdu-hitech/2027-01-01", tmp_path)
    assert load_pack(folder).digest == before


@pytest.mark.parametrize(
    "key",
    [
        "chengdu-hitech",
        "chengdu-hitech/2027",
        "chengdu-hitech/20270101",
        "../2027-01-01",
        "A/2027-01-01",
        "a/b/c",
    ],
)
def test_a_new_pack_is_named_by_scheme_and_date(tmp_path: Path, key: str):
    with pytest.raises(PolicyError, match="方案/日期"):
        begin_pack(SHIPPED / OF_2022, key, tmp_path)
    assert list(tmp_path.iterdir()) == []
