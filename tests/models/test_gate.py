"""Judging a declaration: every pack's worked cases, and what holds for all of them."""

from decimal import Decimal

import pytest

from models.gate import fold
from models.judging import Declaration, Verdict, judge, reason_words
from models.policy.book import SHIPPED, Book
from models.policy.examples import load_gate_examples
from models.policy.schema import Mode

BOOK = Book.read(SHIPPED)
CASES = [
    pytest.param(key, example, id=f"{key}-{number}")
    for key in list(BOOK.keys())
    for number, example in enumerate(load_gate_examples(BOOK.folder(key)))
]


def declaration(answers):
    chosen = {f: (v,) if isinstance(v, str) else tuple(v) for f, v in answers.items() if f != "temperature"}
    celsius = answers.get("temperature")
    return Declaration("张三", "13800138000", Decimal(celsius) if celsius else None, chosen)


@pytest.mark.parametrize(("key", "example"), CASES)
def test_every_worked_case_of_a_pack_is_judged_as_it_says(key, example):
    policy = BOOK.get(key)
    judgement = judge(policy, policy.gate[example.mode], declaration(example.answers))
    effect = {Verdict.REGISTERED: "pass"}.get(judgement.verdict, judgement.verdict.value)
    fields = [{"fever": "temperature", "low": "temperature", "unmeasured": "temperature"}.get(r[0], r[0])
              for r in judgement.reasons]  # fmt: skip
    assert (effect, list(dict.fromkeys(fields))) == (example.verdict, list(example.reasons))


@pytest.mark.parametrize("key", BOOK.keys())
def test_every_reason_has_words_in_both_languages(key):
    policy = BOOK.get(key)
    for form in policy.gate.values():
        for question in form.questions:
            for choice in question.choices:
                if choice.effect != "pass":
                    for english in (False, True):
                        assert reason_words(policy, (question.field, choice.value), english)


def test_an_unmeasured_temperature_is_never_a_pass():
    policy = BOOK.get("chengdu-hitech/2022-03-23")
    judgement = judge(policy, policy.gate[Mode.NORMAL], Declaration("张三", answers={"mask": ("yes",)}))
    assert judgement.verdict == Verdict.ATTENTION and judgement.reasons == (("unmeasured",),)


def test_plain_registration_judges_nobody():
    policy = BOOK.get("chengdu-hitech/2024-02-01")
    feverish = Declaration("张三", celsius=Decimal("39.0"), answers={"mask": ("no",)})
    assert judge(policy, policy.gate[Mode.NORMAL], feverish).verdict == Verdict.REGISTERED


@pytest.mark.parametrize(
    ("a", "b"), [("青禾 生物", "青禾生物"), ("ＱＨＳＷ", "qhsw"), ("3号楼-5层", "3号楼5层")]
)
def test_spellings_that_differ_in_what_does_not_matter_are_the_same(a, b):
    assert fold(a) == fold(b)
