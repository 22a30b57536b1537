"""A thousand malformed forms: no 5xx, no row (property-based)."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import create_environ

from blueprints.web.lean import LeanRequest
from models.base import db
from models.gate import CheckIn
from tests.blueprints.test_gate_form import open_form

SIGNS = st.text(max_size=80)
FIELDS = (
    "name",
    "mobile",
    "temperature",
    "mask",
    "enterprise",
    "symptoms",
    "nonce",
    "remember",
    "mobile_confirmed",
)
FORMS = st.dictionaries(st.one_of(st.sampled_from(FIELDS), SIGNS), st.lists(SIGNS, max_size=3), max_size=9)
# Half of them are nearly right: one field spoilt.
NEARLY = st.tuples(st.sampled_from(("name", "mobile", "temperature", "mask")), SIGNS)
GOOD = {"name": "张三", "mobile": "13800138000", "temperature": "36.5", "mask": "yes"}


@pytest.mark.one_database
def test_a_thousand_malformed_forms_leave_no_row_and_no_5xx(client, town):
    code = town.gate.code.code
    nonce = open_form(client, code).data()["nonce"]
    quiet = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None)

    def rows():
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(CheckIn))

    @quiet
    @given(FORMS)
    def any_form(form):
        answer = client.post(f"/g/{code}", data={"nonce": nonce, **form})
        assert answer.status_code in (400, 413, 422), answer.status_code

    @quiet
    @given(NEARLY)
    def nearly_right(spoilt):
        field, text = spoilt
        answer = client.post(f"/g/{code}", data={**GOOD, field: text, "nonce": "not ours"})
        assert answer.status_code in (400, 413, 422), answer.status_code
        assert rows() == 0

    any_form()
    nearly_right()
    assert rows() == 0


@pytest.mark.one_database
def test_bodies_that_are_no_form_are_refused(client, town):
    code = town.gate.code.code
    for body, kind in ((b"\xff\xfe\x00", "application/x-www-form-urlencoded"), (b"{", "application/json"),
                       (b"--x\r\n", "multipart/form-data; boundary=x"), (b"a" * 300_000, "application/x-www-form-urlencoded")):  # fmt: skip
        answer = client.post(f"/g/{code}", data=body, content_type=kind)
        assert answer.status_code in (400, 413, 422), (kind, answer.status_code)


@given(st.one_of(st.binary(max_size=200), st.text("abE9&=+%;0é国", max_size=60).map(str.encode)))
@example(b"name=%E5%BC%A0&name=&mask=yes&a=%zz&=b&&c")
@example(b"")
def test_a_short_form_is_read_as_werkzeug_reads_it(body):
    """But where bytes are no UTF-8: there werkzeug gives up the whole form, and the short way what cannot be read of it."""

    def read(frame: str) -> list[tuple[str, str]]:
        facts = create_environ(method="POST", data=body, content_type="application/x-www-form-urlencoded")
        asked = LeanRequest(facts)
        asked.frame = frame
        return list(asked.form.items(multi=True))

    usual, short = read("usual"), read("lean")
    assert short == usual or "\ufffd" in body.decode(errors="replace")


def test_a_form_that_ends_too_early_is_refused():
    facts = create_environ(method="POST", data=b"name=1234", content_type="application/x-www-form-urlencoded")
    facts["CONTENT_LENGTH"] = "20"
    asked = LeanRequest(facts)
    asked.frame = "lean"
    with pytest.raises(ClientDisconnected):
        _ = asked.form
