"""What every form of the site answers: in Chinese, with what was typed, whatever was typed."""

import importlib
import pkgutil
import re
from io import BytesIO

import pytest
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import SelectField as PlainSelectField

import blueprints
from blueprints.web.fields import DayField, MomentField, SelectField, WholeField, number_or_none, options
from models.base import SHANGHAI

for found in pkgutil.walk_packages(blueprints.__path__, "blueprints."):
    importlib.import_module(found.name)

TYPED = {
    "nothing": "", "a space": " ", "a word": "瞎填", "a long word": "长" * 3000, "a long number": "9" * 400, "below nothing": "-1",
    "an odd digit": "²", "no day": "2026-13-45", "the first year": "0001-01-01T00:00", "the last year": "9999-12-31",
    "half a number": "3.5", "an invisible sign": "a\u200bb", "a zero byte": "a\x00b",
}  # fmt: skip


def every_form(of=FlaskForm):
    for form in of.__subclasses__():
        yield from every_form(form)
        if form.__module__.startswith("blueprints."):
            yield form


FORMS = sorted(set(every_form()), key=lambda form: (form.__module__, form.__name__))


def errors_of(form):
    for field in form:
        for error in field.errors:
            yield field.name, error
    for error in form.form_errors:
        yield None, error


def test_there_are_forms_to_look_at():
    assert len(FORMS) > 60


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.__module__}.{form.__name__}")
@pytest.mark.one_database
def test_no_form_answers_in_english(app, database, form):
    """Every field of every form, with every kind of thing that nobody means."""
    with app.test_request_context(method="POST"):
        for what, typed in TYPED.items():
            filled = form(formdata=MultiDict(), meta={"csrf": False})
            names = [field.name for field in filled]
            sent = MultiDict((name, typed) for name in names)
            sent.update(
                {f.name: FileStorage(BytesIO(b"x"), typed) for f in filled if isinstance(f, FileField)}
            )
            again = form(formdata=sent, meta={"csrf": False})
            for field in again:
                if isinstance(field, PlainSelectField) and field.choices is None:
                    field.choices = [(1, "一")]
            again.validate()
            for name, error in errors_of(again):
                assert re.search("[一-鿿]", error), (form, name, what, error)
                assert len(error) < 200, (form, name, what)


class Example(FlaskForm):
    day = DayField("哪天")
    near = DayField("近年的一天", since=2000)
    at = MomentField("什么时候")
    number = WholeField("多少", example="86")
    one = SelectField("哪个", choices=options([(1, "一")], "不选"), coerce=number_or_none)


@pytest.fixture
def said(app):
    def fill(**typed):
        with app.test_request_context(method="POST"):
            form = Example(formdata=MultiDict(typed), meta={"csrf": False})
            form.validate()
            return form

    return fill


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("day", "昨天", "没有看懂“昨天”，日期写成2026-11-20"),
        ("day", "x" * 50, f"没有看懂“{'x' * 20}”，日期写成2026-11-20"),
        ("day", "1949-12-31", "年份不会是1949年，请核对"),
        ("day", "2100-01-01", "年份不会是2100年，请核对"),
        ("near", "1999-12-31", "年份不会是1999年，请核对"),
        ("at", "明天", "没有看懂“明天”，时间写成2026-11-20 09:30"),
        ("at", "0001-01-01T00:00", "年份不会是1年，请核对"),
        ("number", "很多", "没有看懂“很多”，请填整数，例如86"),
        ("number", "1.5", "没有看懂“1.5”，请填整数，例如86"),
        ("one", "2", "请从列表里选一项"),
        ("one", "x", "请从列表里选一项"),
    ],
)
def test_what_cannot_be_taken_is_quoted_and_nothing_is_taken(said, name, typed, words):
    field = said(**{name: typed})[name]
    assert field.errors == [words]
    assert name == "one" or field.data is None


def test_what_people_write_is_taken(said):
    form = said(day="1950-01-01", near="2000-01-01", at="2026-11-20T09:30", number="1，234", one="1")
    assert not form.errors
    assert (form.day.data.year, form.near.data.year, form.number.data, form.one.data) == (1950, 2000, 1234, 1)
    assert form.at.data.tzinfo is SHANGHAI
    assert said(one="").one.data is None


def test_fields_of_the_library_that_answer_in_english_are_used_nowhere():
    """A form takes these from `blueprints.web.fields`."""
    plain = {
        "SelectField",
        "RadioField",
        "SelectMultipleField",
        "DateField",
        "DateTimeLocalField",
        "IntegerField",
    }
    for form in FORMS:
        for name in dir(form):
            kind = getattr(getattr(form, name), "field_class", None)
            if kind is not None and kind.__module__.startswith("wtforms"):
                assert kind.__name__ not in plain, (form, name)
