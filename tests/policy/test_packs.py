"""The packs that come with the site: their worked cases hold, and they say what their documents say."""

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from models.policy.book import SHIPPED, Book, pack_folders
from models.policy.examples import load_examples, load_gate_examples, run_examples
from models.policy.loader import PolicyError, load_pack
from models.policy.records import walk
from models.policy.schema import Effect, Mode, Policy, Source
from tests.policy.packs import OF_2022, OF_2024, Pack

BOOK = Book.read(SHIPPED)
FOLDERS = tuple(pack_folders(SHIPPED))
MEASURES = ("name", "mobile", "temperature", "mask", "enterprise")
MEASURES_AND_FOUR = (
    "name", "mobile", "temperature", "mask", "code_status", "risk_area_14d", "overseas_21d", "symptoms",
    "enterprise",
)  # fmt: skip


def asked(policy: Policy, mode: Mode) -> tuple[str, ...]:
    return tuple(question.field for question in policy.gate[mode].questions)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_worked_case_of_the_pack_holds(folder: Path):
    assert run_examples(load_pack(folder), folder) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_worked_cases_reach_every_staffing_boundary_and_every_mode(folder: Path):
    examples = load_examples(folder)
    counts = {example.headcount for example in examples.staffing}
    assert counts >= {0, 1, 29, 30, 200, 201, 399, 400, 600, 999, 1000, 1001, 1200}
    assert {example.mode for example in examples.cadence} == set(Mode)
    assert {example.mode for example in load_gate_examples(folder)} == set(Mode)


@pytest.mark.parametrize("key", BOOK.keys())
def test_the_folder_of_a_pack_bears_its_key(key: str):
    assert BOOK.folder(key) == SHIPPED / key


def test_2022_asks_three_measures_in_normal_times_and_four_questions_more_in_an_emergency():
    policy = BOOK.get(OF_2022)
    assert asked(policy, Mode.NORMAL) == MEASURES
    assert asked(policy, Mode.EMERGENCY) == MEASURES_AND_FOUR
    assert all(form.judged and form.word for form in policy.gate.values())


def test_2024_registers_visitors_plainly_in_normal_times():
    policy = BOOK.get(OF_2024)
    form = policy.gate[Mode.NORMAL]
    assert asked(policy, Mode.NORMAL) == ("name", "mobile", "enterprise", "purpose")
    assert (form.judged, form.word, policy.measures_in_force[Mode.NORMAL]) == (False, False, False)
    assert form.verdict_label(Effect.PASS) == "已登记"
    assert not any("通行" in words.label for words in form.verdicts)
    assert asked(policy, Mode.EMERGENCY) == MEASURES_AND_FOUR


def test_the_draft_of_2024_says_so_and_is_never_cited():
    policy = BOOK.get(OF_2024)
    assert policy.status == "draft"
    assert "征求意见稿" in policy.title
    assert not any(source.citable for source in walk(policy) if isinstance(source, Source))


def test_a_default_of_the_platform_is_never_cited_as_a_document():
    sources = [source for key in BOOK.keys() for source in walk(BOOK.get(key)) if isinstance(source, Source)]  # noqa: SIM118
    assert not any(source.citable for source in sources if source.document == "平台默认值")


def test_temperatures_and_days_are_those_of_the_standard():
    for key in (OF_2022, OF_2024):
        policy = BOOK.get(key)
        found = policy.thresholds
        assert (found.floor_celsius, found.low_celsius) == (Decimal("34.0"), Decimal("35.5"))
        assert (found.fever_celsius, found.ceiling_celsius) == (Decimal("37.3"), Decimal("42.0"))
        assert (policy.look_back.risk_area_days, policy.look_back.overseas_days) == (14, 21)
        assert (policy.retention.check_in_days, policy.retention.emergency_max_days) == (30, 90)


def test_reports_are_weekly_in_2022_monthly_in_2024_and_daily_in_every_emergency():
    of_2022, of_2024 = BOOK.get(OF_2022).reporting, BOOK.get(OF_2024).reporting
    assert (of_2022[Mode.NORMAL].period, of_2024[Mode.NORMAL].period) == ("week", "month")
    for daily in (of_2022[Mode.EMERGENCY], of_2024[Mode.EMERGENCY]):
        assert (daily.period, daily.due_time, daily.locks_days_after_due) == ("day", time(10), 3)
        assert daily.cut_off == time(12)


def test_the_enterprise_visited_is_optional_everywhere():
    for key in (OF_2022, OF_2024):
        for form in BOOK.get(key).gate.values():
            question = form.question("enterprise")
            assert question is not None
            assert not question.required


def test_only_the_later_pack_knows_the_health_guide():
    assert BOOK.get(OF_2022).post("health_guide") is None
    assert BOOK.get(OF_2024).post("health_guide") is not None


YELLOW = 'effect = "refused"\nreason = "健康码为黄码"'
CASE = 'verdict = "refused"\nreasons = ["code_status"]'
ALL_REASONS = 'verdict = "refused"\nreasons = ["temperature", "mask", "risk_area_14d", "symptoms"]'

# what is changed in the 2022 pack, and a word of the sentence that its worked cases then give
CONTRADICTIONS = [
    (
        "staffing.toml",
        "carry_over = false",
        "carry_over = true",
        "201人的企业：应设 health_manager 算例写0名",
    ),
    ("staffing.toml", "team = true", "team = false", "1001人的企业：team"),
    (
        "staffing.toml",
        "by_representative = true",
        "by_representative = false",
        "29人的企业：by_representative",
    ),
    ("reporting.toml", "due_time = 10:00:00", "due_time = 11:00:00", "应急报送"),
    ("reporting.toml", "locks_days_after_due = 7", "locks_days_after_due = 8", "锁定"),
    ("gate.toml", YELLOW, YELLOW.replace("refused", "attention"), "yellow"),
    ("examples.toml", "headcount = 0 ", "headcount = 5 ", "5人的企业：算例写不能判断"),
    ("examples.toml", 'answers.code_status = "green"', 'answers.code_status = "grey"', "没有选项 grey"),
    ("examples.toml", 'reasons = ["code_status"]', "reasons = []", "没有写在 reasons 里"),
    ("examples.toml", 'answers.mask = "yes"\n', "", "没有回答必答的 mask"),
    ("examples.toml", ALL_REASONS, ALL_REASONS.replace("refused", "attention"), "算例写attention"),
    ("examples.toml", CASE, CASE.replace("refused", "pass"), "算例写pass"),
]


@pytest.mark.parametrize(("name", "old", "new", "words"), CONTRADICTIONS)
def test_a_contradiction_to_a_worked_case_is_found(pack: Pack, name: str, old: str, new: str, words: str):
    pack.edit(name, old, new)
    assert words in "\n".join(run_examples(load_pack(pack.folder), pack.folder))


def test_worked_cases_are_read_as_strictly_as_the_pack(pack: Pack):
    pack.edit("examples.toml", "headcount = 201", "head_count = 201")
    with pytest.raises(PolicyError, match=r"examples\.toml 的 staffing\[6\]\.head_count"):
        load_examples(pack.folder)
