"""The platform's seal: two readers of signatures call it valid, every changed byte is found, and a service is believed in nothing."""

from __future__ import annotations

import asyncio
import io
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from app import create_app
from blueprints.letters.paper import draw
from blueprints.web import jobs
from blueprints.web.outside import seal
from blueprints.web.outside.seal import Finding, HttpSealer, KeySealer, examine
from blueprints.web.settings import Misconfigured, Settings
from models import signatures
from models.access import Post
from models.base import db
from models.letter_keeping import CannotSeal
from models.letters import Level
from models.signatures import Capacity, Mark, Signer, Verified, Way
from tests import make, seal_service
from tests.conftest import NOW
from tests.forms import opened, submit
from tests.test_site import PRODUCTION

KEY = "a-key-of-the-district"
LONG, SHORT = 30.0, 0.5


@pytest.fixture(scope="module")
def sealer() -> KeySealer:
    return KeySealer(seal.make_key("某区卫生健康局"))


@pytest.fixture(scope="module")
def other() -> KeySealer:
    return KeySealer(seal.make_key("别的区"))


@pytest.fixture(scope="module")
def plain() -> bytes:
    """A small document, drawn as letters are."""
    from weasyprint import HTML

    html = '<html lang="zh-CN"><title>责任书</title><h1>责任书</h1><p>甲方、乙方</p></html>'
    return HTML(string=html).write_pdf(pdf_variant="pdf/ua-1")


@pytest.fixture(scope="module")
def sealed(sealer, plain) -> bytes:
    return sealer.seal(plain)


def status_of(pdf: bytes, sealer: KeySealer):
    """What pyHanko says; in a thread of its own, since it runs an event loop."""

    def ask():
        roots = [_certificate(sealer)]
        (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        return validate_pdf_signature(signature, ValidationContext(trust_roots=roots, allow_fetching=False))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).result()


def _certificate(sealer: KeySealer):
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(sealer.certificate)
        file.flush()
        return load_cert_from_pemder(file.name)


def pdfsig(pdf: bytes, folder) -> str:
    (folder / "sealed.pdf").write_bytes(pdf)
    done = subprocess.run(["pdfsig", "sealed.pdf"], cwd=folder, capture_output=True, text=True)
    return done.stdout


def with_title(pdf: bytes) -> bytes:
    """The document with another title, appended as an update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
    from pyhanko.pdf_utils import generic

    writer.set_info(
        writer.add_object(
            generic.DictionaryObject({generic.pdf_name("/Title"): generic.pdf_string("另一份")})
        )
    )
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


# --- put on ---


def test_pyhanko_calls_the_seal_valid_certified_and_whole(sealed, sealer):
    status = status_of(sealed, sealer)
    assert status.bottom_line and status.intact and status.valid and status.trusted
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.modification_level is ModificationLevel.NONE and status.docmdp_ok
    (signature,) = PdfFileReader(io.BytesIO(sealed)).embedded_signatures
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.docmdp_level is MDPPerm.NO_CHANGES


def test_poppler_calls_the_seal_valid(sealed, tmp_path):
    said = pdfsig(sealed, tmp_path)
    assert "Signature is Valid" in said and "Total document signed" in said and "ETSI.CAdES.detached" in said


def test_the_document_itself_stays_as_it_was_drawn_and_no_picture_of_a_seal_is_on_it(sealed, plain):
    assert sealed.startswith(plain)
    (signature,) = PdfFileReader(io.BytesIO(sealed)).embedded_signatures
    assert [int(side) for side in signature.sig_field["/Rect"]] == [0, 0, 0, 0]


def test_it_seals_where_an_event_loop_runs(sealer, plain):
    """In a thread of its own: a browser of another test may keep its loop running in this one."""

    async def work() -> bytes:
        return sealer.seal(plain)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, work()).result().startswith(plain)


def test_what_is_no_pdf_is_not_sealed(sealer):
    with pytest.raises(CannotSeal):
        sealer.seal(b"no document")


# --- looked at ---


def test_no_flipped_byte_passes(sealed, sealer):
    """Sampled over the whole file, the signature's own place too."""
    known = [sealer.certificate]
    found = set()
    for place in range(0, len(sealed), 61):
        changed = bytearray(sealed)
        changed[place] ^= 1
        found.add(examine(bytes(changed), known, on_file=False))
    assert Finding.CHANGED in found and Finding.GENUINE not in found and Finding.APPENDED not in found


def test_both_validators_refuse_a_flipped_byte_of_the_text(sealed, plain, sealer, tmp_path):
    changed = bytearray(sealed)
    changed[len(plain) // 2] ^= 1
    with suppress(ValueError, OSError):  # it cannot even be read
        assert not status_of(bytes(changed), sealer).bottom_line
    assert "Signature is Valid" not in pdfsig(bytes(changed), tmp_path)


@pytest.mark.parametrize(
    "add",
    [with_title, lambda pdf: pdf + b"\n", lambda pdf: pdf + b"%%EOF\n"],
    ids=["title", "line feed", "end"],
)
def test_what_was_added_behind_the_seal_is_refused(sealed, sealer, add):
    appended = add(sealed)
    assert examine(appended, [sealer.certificate], on_file=False) is Finding.APPENDED


def test_a_file_of_another_key_or_without_any_is_not_ours(sealed, plain, sealer, other):
    known = [sealer.certificate]
    for pdf in (
        plain,
        other.seal(plain),
        b"%PDF-1.7 nothing",
        b"%PDF-/ByteRange [0 5 900 3]",
        b"%PDF-/ByteRange [0 1 3 1]",
    ):
        assert examine(pdf, known, on_file=False) is Finding.FOREIGN
    assert examine(sealed, known, on_file=True) is Finding.GENUINE


def test_what_is_cut_off_or_resealed_by_another_key_is_not_genuine(sealed, sealer, other):
    known = [sealer.certificate]
    assert examine(sealed[:-200], known, on_file=False) is Finding.CHANGED
    assert examine(sealed[: len(sealed) // 2], known, on_file=False) is not Finding.GENUINE
    with pytest.raises(CannotSeal):  # certified: no second signature either
        other.seal(sealed)


# --- by a service ---


@pytest.fixture
def service(sealer) -> Iterator[seal_service.Service]:
    with seal_service.running(sealer) as service:
        yield service


def by_service(service, sealer, seconds=LONG) -> HttpSealer:
    return HttpSealer(service.url, KEY, [sealer.certificate], seconds=seconds)


def test_a_service_seals_what_it_is_sent(service, sealer, plain):
    with closing(by_service(service, sealer)) as outside:
        pdf = outside.seal(plain)
    assert service.asked == [(f"Bearer {KEY}", plain)]
    assert status_of(pdf, sealer).bottom_line and not outside.test


@pytest.mark.parametrize(
    "answer",
    [
        lambda pdf, ours, other: (503, "application/pdf", b""),
        lambda pdf, ours, other: (307, "application/pdf", b""),
        lambda pdf, ours, other: (200, "text/html", ours.seal(pdf)),
        lambda pdf, ours, other: (200, "application/pdf", pdf),
        lambda pdf, ours, other: (200, "application/pdf", other.seal(pdf)),
        lambda pdf, ours, other: (200, "application/pdf", ours.seal(pdf) + b"\n"),
        lambda pdf, ours, other: (200, "application/pdf", ours.seal(with_title(pdf))[:-1] + b"x"),
        lambda pdf, ours, other: (200, "application/pdf", ours.seal(b"%" + pdf)),
        lambda pdf, ours, other: (200, "application/pdf", b""),
    ],
    ids=["refuses", "redirects", "another type", "not sealed", "another key", "appended", "changed", "another document", "nothing"],
)  # fmt: skip
def test_whatever_else_a_service_answers_is_not_put_on_file(service, sealer, other, plain, answer):
    service.answer = lambda pdf: answer(pdf, sealer, other)
    with closing(by_service(service, sealer)) as outside, pytest.raises(CannotSeal):
        outside.seal(plain)


def test_a_service_that_hangs_or_is_gone_costs_its_time_and_is_then_left_alone(service, sealer, plain):
    service.answer = service.hangs
    with closing(by_service(service, sealer, SHORT)) as outside:
        for _ in range(3):
            with pytest.raises(CannotSeal, match="in time"):
                outside.seal(plain)
        with pytest.raises(CannotSeal, match="left alone"):
            outside.seal(plain)
        assert len(service.asked) == 3
    gone = HttpSealer("http://127.0.0.1:9/", KEY, [sealer.certificate], seconds=SHORT)
    with closing(gone), pytest.raises(CannotSeal, match="unreachable"):
        gone.seal(plain)


# --- configured ---


def settings(**more: str) -> Settings:
    return Settings.read(
        {"SITE_ENV": "test"} | {f"SITE_{name.upper()}": value for name, value in more.items()}
    )


@pytest.fixture
def key_file(tmp_path):
    def write(organisation="某区卫生健康局", password=b"a password", mode=0o600):
        file = tmp_path / "seal.p12"
        file.write_bytes(seal.make_key(organisation, password))
        file.chmod(mode)
        return str(file)

    return write


def test_a_key_from_the_configuration_seals(key_file, tmp_path, plain):
    ours, known = seal.of(settings(seal_file=key_file(), seal_password="a password"), tmp_path)
    assert not ours.test and known == {ours.certificate}
    assert examine(ours.seal(plain) + b"\n", known, on_file=False) is Finding.APPENDED


def test_a_demo_makes_its_own_certificate_once_and_a_site_in_service_none(tmp_path):
    demo = Settings.read({"SITE_ENV": "demo"})
    ours, known = seal.of(demo, tmp_path / "new")
    assert ours.test and (tmp_path / "new" / seal.TEST_FILE).stat().st_mode & 0o077 == 0
    assert seal.of(demo, tmp_path / "new")[1] == known
    assert seal.of(Settings.read(PRODUCTION), tmp_path) == (None, frozenset())
    assert seal.of(settings(), tmp_path) == (None, frozenset())


def test_a_seal_before_a_change_of_key_is_still_known(tmp_path, sealer, sealed):
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    before = tmp_path / "before.pem"
    before.write_bytes(x509.load_der_x509_certificate(sealer.certificate).public_bytes(Encoding.PEM))
    _, known = seal.of(settings(seal_certificates=str(before)), tmp_path)
    assert examine(sealed + b"\n", known, on_file=False) is Finding.APPENDED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seal_file": "KEY", "seal_password": "wrong"}, "SITE_SEAL_PASSWORD"),
        ({"seal_file": "OPEN", "seal_password": "a password"}, "chmod 0400"),
        ({"seal_file": "/nowhere.p12"}, "读不出来"),
        ({"seal_file": "KEY", "seal_url": "https://seal.example/", "seal_key": KEY}, "只能设一个"),
        ({"seal_url": "http://seal.example/", "seal_key": KEY}, "https://"),
        ({"seal_url": "https://seal.example/", "seal_key": "short"}, "16个字符"),
        ({"seal_url": "https://seal.example/", "seal_key": KEY, "seal_seconds": "0"}, "1到60"),
        ({"seal_url": "https://seal.example/", "seal_key": KEY}, "SITE_SEAL_CERTIFICATES"),
        ({"seal_certificates": "KEY"}, "PEM"),
    ],
)
def test_a_seal_that_cannot_work_keeps_the_site_from_starting(key_file, tmp_path, given, words):
    files = {"KEY": lambda: key_file(), "OPEN": lambda: key_file(mode=0o644)}
    given = {name: files[value]() if value in files else value for name, value in given.items()}
    with pytest.raises(Misconfigured, match=words):
        seal.of(settings(**given), tmp_path)


def test_the_certificate_of_a_demo_is_refused_in_service(key_file, tmp_path):
    given = PRODUCTION | {"SITE_SEAL_FILE": key_file(seal.TEST, b""), "SITE_SEAL_PASSWORD": ""}
    with pytest.raises(Misconfigured, match="测试签章"):
        seal.of(Settings.read(given), tmp_path)


# --- on the site ---


@pytest.fixture
def filed(app, town):
    """A letter that both sides have signed, drawn, sealed by a demo's key and filed as the background does it."""
    ours = KeySealer(seal.make_key(seal.TEST))
    app.extensions["site"] = replace(
        app.extensions["site"], sealer=ours, known_seals=frozenset({ours.certificate}), draw_letter=draw
    )
    officer, boss = (
        town.officer(Post.UNIT_LIAISON, name="周知行"),
        town.officer(Post.CHIEF_HEALTH_OFFICER, name="沈望舒"),
    )
    make.may_sign(boss, town.tenant, officer)
    letter, vault = make.letter(town.tenant, officer), app.extensions["site"].vault
    first = Signer(boss.name, Capacity.REPRESENTATIVE, Verified.PASSWORD, boss.id, "", "")
    signatures.sign(db.session(), vault, letter, first, Mark(Way.TYPED), now=NOW)
    second = Signer(officer.name, Capacity.OFFICER, Verified.PASSWORD, officer.id, "", "")
    signatures.countersign(db.session(), vault, letter, second, now=NOW)
    db.session.commit()
    jobs.file_letters(jobs.tick_now())
    db.session.rollback()
    db.session.refresh(letter)
    return letter


def test_the_verify_page_tells_a_genuine_file_from_what_became_of_it(filed, app, client, other):
    pdf = filed.pdf.opened(app.extensions["site"].vault)
    assert filed.level is Level.SEALED
    ask = lambda sent: submit(client, "/verify", file=(io.BytesIO(sent), "a.pdf")).text  # noqa: E731
    page = ask(pdf)
    assert "一个字节都没有改动" in page and filed.number in page and "测试签章，没有法律效力" in page
    changed = bytearray(pdf)
    changed[4000] ^= 1
    for sent, words in (
        (bytes(changed), "被改动过"),
        (with_title(pdf), "又加了内容"),
        (pdf + b"\n", "又加了内容"),
    ):
        page = ask(sent)
        assert words in page and filed.number not in page
    assert "没有本站的签章" in ask(other.seal(draw(filed)))
    hexed = bytearray(pdf)
    place = pdf.rindex(b"/Contents <") + 60
    hexed[place : place + 200] = hexed[place : place + 200].swapcase()  # no reader of signatures sees that
    assert status_of(bytes(hexed), app.extensions["site"].sealer).intact
    assert "被改动过" in ask(bytes(hexed))


def test_page_and_paper_say_that_it_is_a_test(filed, app, town, tmp_path):
    pdf = filed.pdf.opened(app.extensions["site"].vault)
    said = pdfsig(pdf, tmp_path)
    assert "测试签章" in said and "Signature is Valid" in said and "Total document signed" in said
    text = subprocess.run(
        ["pdftotext", "sealed.pdf", "-"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert "测试签章，没有法律效力" in "".join(text.split())
    officer = make.sign_in(app.test_client(), filed.sent_by)
    assert "测试签章，没有法律效力" in opened(officer, f"/letters/{filed.id}").text


def test_a_site_with_a_key_of_its_own_starts_with_it(key_file, database, tmp_path):
    from models.vault import open_vault

    site = create_app(
        env="test", database_url=database, instance=tmp_path, seal_file=key_file(), seal_password="a password"
    ).extensions["site"]
    assert site.sealer is not None and site.known_seals == {site.sealer.certificate}
    open_vault(site.vault)
