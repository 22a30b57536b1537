"""Reads one policy pack (方案包) from its folder, and refuses what is doubtful by file and key."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.policy.letters import read_letters
from models.policy.records import Place, PolicyError, build, with_blanks_filled
from models.policy.schema import (
    HEALTH_FIELDS,
    KIND_OF_FIELD,
    VALUES_OF_FIELD,
    Cadence,
    ClusterRule,
    Clusters,
    Disease,
    Effect,
    GateForm,
    LookBack,
    Mode,
    Policy,
    Question,
    ReportField,
    Retention,
    StaffingRule,
    Thresholds,
)

__all__ = ["PolicyError", "digest_of", "load_pack", "place_of", "read_table"]

SCHEME = "scheme.toml"
STAFFING = "staffing.toml"
REPORTING = "reporting.toml"
GATE = "gate.toml"
CLUSTERS = "clusters.toml"
LETTERS = "letters.toml"
EXAMPLES = "examples.toml"
LEAST_HEALTH_DAYS = 15
LONGEST_LOOK_BACK = 60  # days
DISEASE_KEY = re.compile(r"[a-z][a-z0-9_]{1,39}")
FILES = (SCHEME, STAFFING, REPORTING, GATE, CLUSTERS, LETTERS, EXAMPLES)


def load_pack(folder: Path) -> Policy:
    """The pack in this folder, whole and frozen, or a PolicyError that says where it is wrong."""
    _only_known_files(folder)
    scheme = read_table(folder, SCHEME)
    in_scheme = place_of(folder, SCHEME)
    thresholds = build(Thresholds, scheme.pop("thresholds", {}), in_scheme.key("thresholds"))
    look_back = build(LookBack, scheme.pop("look_back", {}), in_scheme.key("look_back"))
    in_gate = place_of(folder, GATE)
    gate = read_table(folder, GATE)
    blanks = build(tuple[str, ...], gate.pop("blanks", []), in_gate.key("blanks"))
    figures = {**_figures(thresholds), **_figures(look_back)}
    forms = build(Mapping[Mode, GateForm], gate, in_gate)
    in_reporting = place_of(folder, REPORTING)
    reporting = read_table(folder, REPORTING)
    asked = build(tuple[str, ...], reporting.pop("blanks", []), in_reporting.key("blanks"))
    fields_of_report = build(tuple[ReportField, ...], reporting.pop("fields", []), in_reporting.key("fields"))
    cadences = build(Mapping[Mode, Cadence], reporting, in_reporting)
    policy: Policy = build(
        Policy,
        scheme,
        in_scheme,
        digest=digest_of(folder),
        thresholds=thresholds,
        look_back=look_back,
        staffing=build(StaffingRule, read_table(folder, STAFFING), place_of(folder, STAFFING)),
        reporting=cadences,
        report=with_blanks_filled(fields_of_report, asked, figures, in_reporting, in_reporting),
        gate=with_blanks_filled(forms, blanks, figures, in_gate, in_gate),
        clusters=build(Clusters, read_table(folder, CLUSTERS), place_of(folder, CLUSTERS)),
        letters=read_letters(read_table(folder, LETTERS), figures, cadences, place_of(folder, LETTERS)),
    )
    _check_thresholds(policy.thresholds, in_scheme.key("thresholds"))
    _check_retention(policy.retention, in_scheme.key("retention"))
    _check_staffing(policy, place_of(folder, STAFFING))
    _check_report(policy, in_reporting)
    _check_clusters(policy.clusters, place_of(folder, CLUSTERS))
    for mode, form in policy.gate.items():
        _check_form(form, policy.measures_in_force[mode], in_gate.key(mode.value))
    return policy


def read_table(folder: Path, name: str) -> dict[str, Any]:
    """One TOML file of a pack as it stands, with exact decimals."""
    path, place = folder / name, place_of(folder, name)
    if not path.is_file():
        raise place.fault("缺少这个文件")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise place.fault(f"不是UTF-8编码的TOML文件（{error}）") from error


def place_of(folder: Path, name: str) -> Place:
    """How messages call a file: by scheme, version and name, since every pack has files of the same names."""
    return Place("/".join([*folder.resolve().parts[-2:], name]))


def digest_of(folder: Path) -> str:
    """SHA-256 over name, length and bytes of each file of the pack: a record shows by it what judged it."""
    digest = sha256()
    for path in sorted(folder.glob("*.toml")):
        content = path.read_bytes()
        digest.update(f"{path.name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _only_known_files(folder: Path) -> None:
    if not folder.is_dir():
        raise PolicyError(f"没有方案包文件夹 {folder}")
    for path in sorted(folder.glob("*.toml")):
        if path.name not in FILES:
            raise place_of(folder, path.name).fault(f"方案包里只能有：{'、'.join(FILES)}")


def _figures(rule: Thresholds | LookBack) -> dict[str, str]:
    return {field.name: str(getattr(rule, field.name)) for field in fields(rule) if field.name != "source"}


def _check_thresholds(thresholds: Thresholds, place: Place) -> None:
    rising = ("floor_celsius", "low_celsius", "fever_celsius", "ceiling_celsius")
    for lower, higher in pairwise(rising):
        if getattr(thresholds, lower) >= getattr(thresholds, higher):
            raise place.key(higher).fault(f"要高于 {lower}（{getattr(thresholds, lower)}℃）")


def _check_retention(retention: Retention, place: Place) -> None:
    """What is of health outlasts corrections and the look at a fortnight; a file outlasts what is of health."""
    if retention.health_days < LEAST_HEALTH_DAYS:
        raise place.key("health_days").fault(f"不能少于{LEAST_HEALTH_DAYS}天，现在是{retention.health_days}")
    if retention.open_case_days < LEAST_HEALTH_DAYS:
        raise place.key("open_case_days").fault(
            f"不能少于{LEAST_HEALTH_DAYS}天，现在是{retention.open_case_days}"
        )
    if retention.leaver_days < retention.health_days:
        raise place.key("leaver_days").fault(f"不能少于health_days（{retention.health_days}天）")
    if retention.occupational_years * 365 < retention.leaver_days:
        raise place.key("occupational_years").fault(f"不能短于leaver_days（{retention.leaver_days}天）")
    if retention.letter_years == 0:
        raise place.key("letter_years").fault("不能是0，到期的责任书还要能查验")


def _check_staffing(policy: Policy, place: Place) -> None:
    """Each head count from 1 upwards lies in exactly one band, and each post named is one of the scheme's."""
    rule = policy.staffing
    if not rule.bands:
        raise place.key("bands").fault("至少要有一档")
    expected: int | None = 1 if rule.lower_inclusive else 0
    for band in rule.bands:
        at = place.key("bands").item(band.above)
        if expected is None:
            raise at.key("above").fault("上一档没有写 upto，后面不能再有档")
        if band.above != expected:
            fault = "空档" if band.above > expected else "重叠"
            raise at.key("above").fault(f"与上一档之间有{fault}，应当是{expected}")
        if band.upto is not None and band.upto <= band.above:
            raise at.key("upto").fault(f"要大于 above（{band.above}）")
        if band.per_further is not None and band.per_further.step == 0:
            raise at.key("per_further").key("step").fault("不能是0")
        for post in band.held_by:
            if not band.required.get(post):
                raise at.key("held_by").key(post).fault("这一档没有要求设这个岗位")
        expected = band.upto
    if expected is not None:
        raise (
            place.key("bands")
            .item(rule.bands[-1].above)
            .key("upto")
            .fault("最后一档不写 upto，人数再多也要有规定")
        )
    for post in rule.posts():
        if policy.post(post) is None:
            raise place.key("bands").fault(f"用了岗位 {post}，但 {SCHEME} 的 posts 里没有")


def _check_report(policy: Policy, place: Place) -> None:
    """Each mode asks something, and a number is bounded by one that is asked wherever it is."""
    for mode in Mode:
        asked = {one.key for one in policy.asked_in(mode)}
        if not asked:
            raise place.key("fields").fault(f"{mode.value} 没有报送项")
        for one in policy.asked_in(mode):
            if one.at_most is not None and (one.at_most == one.key or one.at_most not in asked):
                raise (
                    place.key("fields")
                    .item(one.key)
                    .key("at_most")
                    .fault(f"{mode.value} 没有另一项 {one.at_most}")
                )
    for mode, cadence in policy.reporting.items():
        if cadence.jump_times < 2 or cadence.jump_reports == 0:
            raise place.key(mode.value).fault("jump_times 至少是2，jump_reports 不能是0")


def _check_clusters(clusters: Clusters, place: Place) -> None:
    """Every signal that a rule names has its symptoms, and nobody is an alert alone: that is a case for the enterprise."""
    known = {signal.key for signal in clusters.signals}
    if not clusters.immediate.report_minutes or not clusters.immediate.accept_minutes:
        raise place.key("immediate").fault("report_minutes、accept_minutes 不能是0")
    if not clusters.immediate.tell:
        raise place.key("immediate").key("tell").fault("至少要写一个岗位")
    _check_diseases(clusters.diseases, place.key("diseases"))
    for rule in clusters.rules:
        at = place.key("rules").item(rule.label)
        if rule.people < 2 or rule.days == 0 or rule.firms == 0:
            raise at.fault("people 至少是2，days、firms 至少是1")
        if rule.firms > 1 and rule.subject != "place":
            raise at.key("firms").fault("只有 subject 是 place 时可以写")
        if bool(rule.signals) == bool(rule.diseases):
            raise at.fault("signals 和 diseases 写一样，不能都写，也不能都不写")
        for signal in rule.signals:
            if signal not in known:
                raise at.key("signals").fault(f"signals 里没有 {signal}")
        if rule.diseases:
            _check_rule_of_diseases(rule, clusters.diseases, at)
    for figure in clusters.figures:
        if figure.people < 2 or figure.signal not in known:
            raise place.key("figures").item(figure.figure).fault("people 至少是2，signal 要在 signals 里")
    if clusters.absence.times < 2 or clusters.absence.least < 2 or not clusters.absence.enough_days:
        raise place.key("absence").fault("times、least 至少是2，enough_days 至少是1")
    curve = clusters.curve
    if (
        not 2 <= curve.enough_weeks <= curve.usual_weeks
        or curve.weeks < 4
        or curve.small < 2
        or not curve.deviations
    ):
        raise place.key("curve").fault(
            "weeks 至少是4，enough_weeks 在2和 usual_weeks 之间，small 至少是2，deviations 至少是1"
        )


def _check_diseases(diseases: tuple[Disease, ...], place: Place) -> None:
    keys: set[str] = set()
    for disease in diseases:
        at = place.item(disease.label)
        if not DISEASE_KEY.fullmatch(disease.key) or disease.key in keys:
            raise at.key("key").fault("用小写英文字母、数字、下划线，2到40个，不能与别的病相同")
        keys.add(disease.key)
        if not 1 <= disease.look_back_days <= LONGEST_LOOK_BACK:
            raise at.key("look_back_days").fault(
                f"要在1到{LONGEST_LOOK_BACK}之间，现在是{disease.look_back_days}"
            )
        if "" in disease.asks:
            raise at.key("asks").fault("不能有空的")


def _check_rule_of_diseases(rule: ClusterRule, diseases: tuple[Disease, ...], place: Place) -> None:
    """A doctor's word narrows down by itself, and it stays with the enterprise: no place adds it up."""
    if rule.subject == "place":
        raise place.key("subject").fault("按 diseases 提示的，只能是 group 或 enterprise")
    if rule.symptoms or rule.celsius is not None:
        raise place.fault("按 diseases 提示的，不写 symptoms、celsius")
    known = [disease.label for disease in diseases]
    for label in rule.diseases:
        if label not in known:
            raise place.key("diseases").fault(f"没有“{label}”这种病，可以写：{'、'.join(known) or '无'}")


def _check_form(form: GateForm, in_force: bool, place: Place) -> None:
    if form.judged != in_force:
        raise place.key("judged").fault(f"与 {SCHEME} 的 measures_in_force.{form.mode.value} 不一致")
    if form.pass_minutes == 0:
        raise place.key("pass_minutes").fault("不能是0")
    known = {words.effect for words in form.verdicts}
    for effect in Effect if form.judged else (Effect.PASS,):
        if effect not in known:
            raise place.key("verdicts").fault(f"缺少 {effect.value} 的用语")
    if not form.judged and len(known) > 1:
        raise place.key("verdicts").fault("只登记、不判定的登记表，只能有 pass 的用语")
    if not form.asks("name"):
        raise place.key("questions").fault("登记表至少要问 name")
    for question in form.questions:
        at = place.key("questions").item(question.field)
        if not form.judged and question.field in HEALTH_FIELDS:
            raise at.fault("只登记、不判定的登记表，不能问健康情况")
        _check_question(question, at)


def _check_question(question: Question, place: Place) -> None:
    kind = KIND_OF_FIELD[question.field]
    if question.kind != kind:
        raise place.key("kind").fault(f"{question.field} 的填法是 {kind}，不是 {question.kind}")
    allowed = VALUES_OF_FIELD.get(question.field, ())
    offered = [choice.value for choice in question.choices]
    for value in offered:
        if value not in allowed:
            raise (
                place.key("choices").item(value).fault(f"没有这个选项，可以有：{'、'.join(allowed) or '无'}")
            )
    # Of the symptoms a pack offers those that its disease calls for; the other questions have fixed answers.
    for value in ("none",) if kind == "choices" else allowed:
        if value not in offered:
            raise place.key("choices").fault(f"缺少选项 {value}")
    for choice in question.choices:
        for key in ("reason", "reason_en"):
            if choice.effect is not Effect.PASS and not getattr(choice, key):
                raise place.key("choices").item(choice.value).key(key).fault("不放行的选项要写明理由")
