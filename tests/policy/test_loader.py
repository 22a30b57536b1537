"""The loader refuses whatever is doubtful in a pack, and says in which file and at which key."""

import dataclasses
import re
from decimal import Decimal

import pytest

from models.policy.book import SHIPPED
from models.policy.loader import PolicyError, digest_of, load_pack
from models.policy.schema import Mode
from tests.policy.packs import OF_2022, OF_2024, Pack, copy_of

# file, words of the pack, what stands there instead, the key that the message names, a word of its reason
FAULTS = {
    "an unknown key": (
        "scheme.toml",
        "recheck_minutes = 10",
        "recheck_minutes = 10\nrecheck_hours = 1",
        "scheme.toml 的 thresholds.recheck_hours",
        "没有这个键",
    ),
    "a missing key": (
        "scheme.toml",
        "recheck_minutes = 10",
        "",
        "scheme.toml 的 thresholds.recheck_minutes",
        "缺少",
    ),
    "a missing table": ("scheme.toml", "[look_back]", "[look_ahead]", "scheme.toml 的 look_back.", "缺少"),
    "a key of the wrong type": (
        "scheme.toml",
        "fever_celsius = 37.3",
        'fever_celsius = "37.3"',
        "scheme.toml 的 thresholds.fever_celsius",
        "带小数点的数",
    ),
    "a truth value for a number": (
        "staffing.toml",
        "grace_days = 30",
        "grace_days = true",
        "staffing.toml 的 grace_days",
        "整数",
    ),
    "a negative number": (
        "staffing.toml",
        "grace_days = 30",
        "grace_days = -1",
        "staffing.toml 的 grace_days",
        "负数",
    ),
    "an empty text": (
        "scheme.toml",
        'label = "门岗"',
        'label = ""',
        "scheme.toml 的 posts[gate_guard].label",
        "空",
    ),
    "a word outside a closed list": (
        "scheme.toml",
        'status = "trial"',
        'status = "pilot"',
        "scheme.toml 的 status",
        "in_force、trial、draft",
    ),
    "an unknown post": (
        "scheme.toml",
        'code = "gate_guard"',
        'code = "porter"',
        "scheme.toml 的 posts[porter].code",
        "没有“porter”",
    ),
    "a rule without its source": (
        "staffing.toml",
        'source = { document = "成高管办发〔2022〕14号", clause = "二（一）1"',
        'was = { clause = "x"',
        "staffing.toml 的 bands[0].was",
        "没有这个键",
    ),
    "a source without its clause": (
        "scheme.toml",
        ', clause = "体温界限"',
        "",
        "scheme.toml 的 thresholds.source.clause",
        "缺少",
    ),
    "a condition for a post that is not asked for": (
        "staffing.toml",
        "held_by = { chief_health_officer",
        "held_by = { health_manager",
        "staffing.toml 的 bands[200].held_by.health_manager",
        "没有要求",
    ),
    "a gap between staffing bands": (
        "staffing.toml",
        "upto = 29",
        "upto = 28",
        "staffing.toml 的 bands[29].above",
        "空档",
    ),
    "an overlap of staffing bands": (
        "staffing.toml",
        "upto = 29",
        "upto = 30",
        "staffing.toml 的 bands[29].above",
        "重叠",
    ),
    "a last staffing band with an end": (
        "staffing.toml",
        "above = 1000",
        "above = 1000\nupto = 9000",
        "staffing.toml 的 bands[1000].upto",
        "最后一档",
    ),
    "a band behind the open one": (
        "staffing.toml",
        "upto = 1000\n",
        "",
        "staffing.toml 的 bands[1000].above",
        "没有写 upto",
    ),
    "a band that ends before it begins": (
        "staffing.toml",
        "upto = 200\n",
        "upto = 20\n",
        "staffing.toml 的 bands[29].upto",
        "要大于 above",
    ),
    "the same band twice": (
        "staffing.toml",
        "above = 29\n",
        "above = 0\n",
        "staffing.toml 的 bands[0]",
        "重复",
    ),
    "a step of nobody": (
        "staffing.toml",
        "step = 200",
        "step = 0",
        "staffing.toml 的 bands[200].per_further.step",
        "不能是0",
    ),
    "a post that the scheme does not have": (
        "staffing.toml",
        "required = { health_manager = 1 }",
        "required = { health_guide = 1 }",
        "staffing.toml 的 bands",
        "health_guide",
    ),
    "a missing mode": (
        "reporting.toml",
        "[emergency]",
        "[urgent]",
        "reporting.toml 的 urgent",
        "没有“urgent”",
    ),
    "a mode without gate measures": (
        "scheme.toml",
        "{ normal = true, emergency = true }",
        "{ normal = true }",
        "scheme.toml 的 measures_in_force.emergency",
        "缺少",
    ),
    "a mode said twice": (
        "reporting.toml",
        "[normal]",
        '[normal]\nmode = "normal"',
        "reporting.toml 的 normal.mode",
        "没有这个键",
    ),
    "an unknown field of the form": (
        "gate.toml",
        'field = "mask"',
        'field = "masks"',
        "gate.toml 的 normal.questions[masks].field",
        "没有“masks”",
    ),
    "an unknown kind of question": (
        "gate.toml",
        'kind = "temperature"',
        'kind = "number"',
        "gate.toml 的 normal.questions[temperature].kind",
        "没有“number”",
    ),
    "a field with the kind of another": (
        "gate.toml",
        'kind = "temperature"',
        'kind = "text"',
        "gate.toml 的 normal.questions[temperature].kind",
        "temperature",
    ),
    "a question asked twice": (
        "gate.toml",
        'field = "mobile"',
        'field = "name"',
        "gate.toml 的 normal.questions[name]",
        "重复",
    ),
    "a choice that the site does not know": (
        "gate.toml",
        'value = "unavailable"',
        'value = "grey"',
        "gate.toml 的 emergency.questions[code_status].choices[grey]",
        "没有这个选项",
    ),
    "a choice left out": (
        "gate.toml",
        '[[emergency.questions.choices]]\nvalue = "green"\nlabel = "绿码"\nlabel_en = "Green"\n',
        "",
        "gate.toml 的 emergency.questions[code_status].choices",
        "缺少选项 green",
    ),
    "symptoms without none": (
        "gate.toml",
        'value = "none"',
        'value = "rash"',
        "gate.toml 的 emergency.questions[symptoms].choices",
        "缺少选项 none",
    ),
    "a refusal without a reason": (
        "gate.toml",
        'reason = "未戴口罩"',
        'reason = ""',
        "gate.toml 的 normal.questions[mask].choices[no].reason",
        "理由",
    ),
    "a blank that is not declared": (
        "gate.toml",
        'label = "今天的体温"',
        'label = "今天的体温（${fever_celsius}℃以下）"',
        "gate.toml 的 normal.questions[temperature].label",
        "$fever_celsius",
    ),
    "a declared blank that nothing fills": (
        "gate.toml",
        'blanks = ["risk_area_days"',
        'blanks = ["risk_days"',
        "gate.toml 的 blanks",
        "$risk_days",
    ),
    "a declared blank that is not used": (
        "gate.toml",
        "blanks = [",
        'blanks = ["fever_celsius", ',
        "gate.toml 的 blanks",
        "$fever_celsius",
    ),
    "a lone dollar sign": (
        "gate.toml",
        'label = "口罩"',
        'label = "口罩$"',
        "gate.toml 的 normal.questions[mask].label",
        "$$",
    ),
    "a verdict without words": (
        "gate.toml",
        '  { effect = "attention", label = "请门岗核验", label_en = "Guard check needed" },\n',
        "",
        "gate.toml 的 normal.verdicts",
        "attention",
    ),
    "a pass that is never valid": (
        "gate.toml",
        "pass_minutes = 30",
        "pass_minutes = 0",
        "gate.toml 的 normal.pass_minutes",
        "不能是0",
    ),
    "a form that judges where no measures are in force": (
        "scheme.toml",
        "normal = true",
        "normal = false",
        "gate.toml 的 normal.judged",
        "measures_in_force.normal",
    ),
    "temperatures in the wrong order": (
        "scheme.toml",
        "low_celsius = 35.5",
        "low_celsius = 37.5",
        "scheme.toml 的 thresholds.fever_celsius",
        "高于",
    ),
    "a file that is not TOML": ("gate.toml", "[normal]", "[normal", "gate.toml", "TOML"),
}


@pytest.mark.parametrize(("name", "old", "new", "key", "reason"), FAULTS.values(), ids=FAULTS)
def test_the_message_names_file_and_key_of(pack: Pack, name: str, old: str, new: str, key: str, reason: str):
    pack.edit(name, old, new)
    with pytest.raises(PolicyError) as fault:
        load_pack(pack.folder)
    assert f"{OF_2022}/{key}" in str(fault.value)
    assert reason in str(fault.value)


def test_a_missing_mode_is_named(pack: Pack):
    text = (pack.folder / "reporting.toml").read_text(encoding="utf-8")
    (pack.folder / "reporting.toml").write_text(text[: text.index("[emergency]")], encoding="utf-8")
    with pytest.raises(PolicyError, match=r"reporting\.toml 的 emergency：缺少"):
        load_pack(pack.folder)


def test_a_missing_file_and_an_unknown_file_are_named(pack: Pack):
    (pack.folder / "gates.toml").write_text("", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"gates\.toml"):
        load_pack(pack.folder)
    (pack.folder / "gates.toml").unlink()
    (pack.folder / "gate.toml").unlink()
    with pytest.raises(PolicyError, match=r"gate\.toml：缺少"):
        load_pack(pack.folder)


@pytest.mark.parametrize("question", ["temperature", "mask", "symptoms"])
def test_plain_registration_asks_nothing_about_health(tmp_path, question: str):
    pack = copy_of(OF_2024, tmp_path)
    kind = {"temperature": "temperature", "mask": "choice", "symptoms": "choices"}[question]
    pack.edit("gate.toml", 'field = "purpose"\nkind = "text"', f'field = "{question}"\nkind = "{kind}"')
    with pytest.raises(PolicyError, match=rf"normal\.questions\[{question}\].*健康"):
        load_pack(pack.folder)


@pytest.mark.parametrize("effect", ["attention", "refused"])
def test_plain_registration_refuses_nobody(tmp_path, effect: str):
    pack = copy_of(OF_2024, tmp_path)
    words = f'  {{ effect = "{effect}", label = "不行", label_en = "No" }},\n'
    pack.edit("gate.toml", "verdicts = [\n", "verdicts = [\n" + words)
    with pytest.raises(PolicyError, match=r"gate\.toml 的 normal\.verdicts"):
        load_pack(pack.folder)


def test_every_form_asks_who_comes(tmp_path):
    pack = copy_of(OF_2024, tmp_path)
    name = pack.folder / "gate.toml"
    first, second = name.read_text(encoding="utf-8").split('[[normal.questions]]\nfield = "mobile"')
    head = first[: first.index("[[normal.questions]]")]
    name.write_text(f'{head}[[normal.questions]]\nfield = "mobile"{second}', encoding="utf-8")
    with pytest.raises(PolicyError, match=r"normal\.questions：.*name"):
        load_pack(pack.folder)


def test_the_digest_changes_when_any_byte_of_any_file_changes(pack: Pack):
    seen = {load_pack(pack.folder).digest}
    files = sorted(pack.folder.glob("*.toml"))
    for path in files:
        pack.edit(path.name, "# ", "##")
        seen.add(load_pack(pack.folder).digest)
    assert len(seen) == 1 + len(files)


def test_the_digest_tells_in_which_file_a_line_stands(tmp_path):
    for folder, first, second in (("one", "x = 1", ""), ("two", "", "x = 1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.toml").write_text(first, encoding="utf-8")
        (tmp_path / folder / "b.toml").write_text(second, encoding="utf-8")
    assert digest_of(tmp_path / "one") != digest_of(tmp_path / "two")


def test_the_digest_is_the_same_wherever_the_pack_stands(pack: Pack):
    assert load_pack(pack.folder).digest == load_pack(SHIPPED / OF_2022).digest


def test_a_policy_cannot_be_changed_after_reading(pack: Pack):
    policy = load_pack(pack.folder)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.thresholds.fever_celsius = Decimal("38.0")  # type: ignore[misc]
    with pytest.raises(TypeError):
        policy.gate[Mode.NORMAL] = policy.gate[Mode.EMERGENCY]  # type: ignore[index]
    with pytest.raises(TypeError):
        policy.staffing.bands[1].required["health_manager"] = 0  # type: ignore[index]


def test_labels_follow_the_figures_of_the_scheme(pack: Pack):
    pack.edit("scheme.toml", "risk_area_days = 14", "risk_area_days = 7")
    question = load_pack(pack.folder).gate[Mode.EMERGENCY].question("risk_area_14d")
    assert question is not None
    assert question.label.startswith("7天内")
    assert "7 days" in question.label_en
    refusal = question.choice("yes")
    assert refusal is not None
    assert refusal.reason.startswith("7天内")


BEFORE = '[[diseases]]\nkey = "rubella"\nlabel = "风疹"\nlook_back_days = 21'
OF_MEASLES = 'diseases = ["麻疹"]'


@pytest.mark.parametrize(
    ("old", "new", "where", "why"),
    [
        (BEFORE, BEFORE.replace("rubella", "varicella"), "diseases[风疹].key", "不能与别的病相同"),
        (BEFORE, BEFORE.replace("rubella", "风疹"), "diseases[风疹].key", "小写英文字母"),
        (BEFORE, BEFORE.replace("风疹", "水痘"), "diseases[水痘]", "重复了"),
        (BEFORE, BEFORE.replace("21", "0"), "diseases[风疹].look_back_days", "要在1到60之间，现在是0"),
        (BEFORE, BEFORE.replace("21", "61"), "diseases[风疹].look_back_days", "要在1到60之间，现在是61"),
        (BEFORE, BEFORE.replace("21", '"21"'), "diseases[风疹].look_back_days", "整数"),
        (BEFORE, BEFORE + "\nmosquitoes = true", "diseases[风疹].mosquitoes", "没有这个键"),
        ('asks = ["', 'asks = ["", "', "diseases[手足口病].asks", "不能有空的"),
        (OF_MEASLES, 'diseases = ["麻风"]', "rules[同一企业，10天内麻疹].diseases", "没有“麻风”这种病，可以写：手足口病"),
        (OF_MEASLES, "", "rules[同一企业，10天内麻疹]", "不能都写，也不能都不写"),
        (OF_MEASLES, OF_MEASLES + '\nsignals = ["rash"]', "rules[同一企业，10天内麻疹]", "不能都写"),
        (OF_MEASLES, OF_MEASLES + "\ncelsius = 38.0", "rules[同一企业，10天内麻疹]", "不写 symptoms、celsius"),
        (
            'subject = "enterprise"\n' + OF_MEASLES, 'subject = "place"\n' + OF_MEASLES,
            "rules[同一企业，10天内麻疹].subject", "只能是 group 或 enterprise",
        ),
    ],
    ids=[
        "key twice", "key no code", "label twice", "no days", "too many days", "days in words", "unknown key", "empty question",
        "unknown disease", "neither", "both", "with a temperature", "over a place",
    ],
)  # fmt: skip
def test_a_doubtful_disease_is_refused_in_words(pack: Pack, old, new, where, why):
    pack.edit("clusters.toml", old, new)
    with pytest.raises(PolicyError) as refusal:
        load_pack(pack.folder)
    assert f"clusters.toml 的 {where}" in str(refusal.value) and why in str(refusal.value)


def test_a_pack_that_lists_no_disease_is_valid_and_one_that_says_no_days_looks_back_fourteen(pack: Pack):
    assert [
        one.look_back_days for one in load_pack(pack.folder).clusters.diseases if one.key == "dengue"
    ] == [14]
    file = pack.folder / "clusters.toml"
    tables = re.split(r"(?m)^(?=\[)", file.read_text(encoding="utf-8"))
    kept = [one for one in tables if not one.startswith("[[diseases]]") and "\ndiseases = " not in one]
    file.write_text("".join(kept), encoding="utf-8")
    clusters = load_pack(pack.folder).clusters
    assert clusters.diseases == () and clusters.rules and clusters.disease("dengue") is None
