"""The platform's seal on finished documents (平台签章): a signature over the whole PDF, by a key of this site or by a service.

A picture of a seal is never drawn (SIGN-3). Three ways, by what is configured:

- SITE_SEAL_FILE: a PKCS#12 file with key and certificate, and SITE_SEAL_PASSWORD.
- SITE_SEAL_URL: a seal service. Authorities' services each speak a protocol of their own, so the site speaks a small one, and a
  proxy in front of theirs speaks it too. The question, over TLS or on this very machine:

      POST <SITE_SEAL_URL>
      Authorization: Bearer <SITE_SEAL_KEY>
      Content-Type: application/pdf

      (the PDF)

  The answer has status 200, type application/pdf, no Content-Encoding, and is the very bytes that were sent with one PAdES signature
  appended that covers the whole file, by a certificate of SITE_SEAL_CERTIFICATES. Anything else, redirects too, and whatever takes
  longer than SITE_SEAL_SECONDS counts as a failure: the letter waits for the next round. A document may come twice.
- Neither: in a demo a certificate of its own is made, and page and paper say 测试签章. In service nothing is sealed then.

SITE_SEAL_CERTIFICATES names a PEM file: further certificates by which seals are known as ours, such as the one before a change of
key. A seal outlives its certificate: whether the bytes are those that were sealed does not depend on the day.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from blueprints.web.outside.breaker import Breaker
from blueprints.web.outside.line import Line, client_of
from blueprints.web.settings import Misconfigured, Settings
from models.letter_keeping import CannotSeal, Sealer

log = logging.getLogger(__name__)

TEST = "测试签章"  # the organisation of a demo's certificate
TEST_FILE = "test-seal.p12"
TEST_YEARS = 10
REASON = "证明文件自签章后没有改动"
LARGEST = 20 * 1024 * 1024  # bytes of an answer


class Finding(Enum):
    """What a file is that somebody holds against us."""

    GENUINE = "genuine"  # the very bytes that are on file here
    CHANGED = "changed"  # it carries our seal, and its bytes are not those that were sealed
    APPENDED = "appended"  # what was sealed is there, and something was added behind it
    FOREIGN = "foreign"  # no seal of ours


def examine(pdf: bytes, known: Iterable[bytes], *, on_file: bool) -> Finding:
    """Genuine is what is on file, byte for byte, and nothing else: some bytes of a signature's own place can be changed without any
    reader of signatures noticing. The seal only tells what became of a file that is not. `known`: our certificates, DER."""
    from blueprints.web.outside import pades

    if on_file:
        return Finding.GENUINE
    known = frozenset(known)
    ours = [one for one in pades.seals_of(pdf) if one.certificate in known]
    if any(one.intact and not one.whole for one in ours):
        return Finding.APPENDED
    if ours or _carries(pdf, known):
        return Finding.CHANGED
    return Finding.FOREIGN


def _carries(pdf: bytes, known: Iterable[bytes]) -> bool:
    """Whether one of our certificates lies in it as signatures have them, though its signature can be read no more."""
    low = pdf.lower()
    return any(one.hex().encode() in low for one in known)


class KeySealer:
    """A Sealer with a key of this site."""

    def __init__(self, key: bytes, password: bytes = b"") -> None:
        """ValueError where the file or its password is wrong."""
        _, certificate, _ = pkcs12.load_key_and_certificates(key, password or None)
        if certificate is None:
            raise ValueError("no certificate")
        self.certificate = certificate.public_bytes(serialization.Encoding.DER)
        self.test = _organisation(certificate) == TEST
        self._key, self._password = key, password
        self._signer: Any = None
        self._lock = Lock()

    def seal(self, pdf: bytes) -> bytes:
        from blueprints.web.outside import pades

        try:
            with self._lock:
                self._signer = self._signer or pades.signer_of(self._key, self._password)
            return pades.sign(pdf, self._signer, reason=f"{TEST}，没有法律效力" if self.test else REASON)
        except Exception as error:  # whatever it is, the letter waits; the text might quote what it says
            raise CannotSeal(type(error).__name__) from error


class HttpSealer:
    """A Sealer over HTTP. A document takes `seconds` at most, from connecting to the last byte."""

    test = False

    def __init__(
        self, url: str, key: str, known: Iterable[bytes], *, seconds: float = 20.0, breaker: Breaker | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._url, self._known, self._seconds = url, frozenset(known), seconds
        self._breaker = breaker or Breaker("seal service", failures=3, of=5, seconds=60)
        self._line = Line(partial(client_of, "application/pdf", key=key, trust=trust))

    def seal(self, pdf: bytes) -> bytes:
        ticket = self._breaker.admit()
        if ticket is None:
            raise CannotSeal("the service fails and is left alone for a while")
        try:
            sealed = self._line.run(partial(_exchange, self._url, pdf, self._seconds), self._seconds)
            self._check(pdf, sealed)
        except CannotSeal:
            self._breaker.report(ticket, ok=False)
            raise
        except Exception as error:
            self._breaker.report(ticket, ok=False)
            slow = isinstance(error, (TimeoutError, httpx.TimeoutException))
            raise CannotSeal(
                "no answer in time" if slow else f"unreachable: {type(error).__name__}"
            ) from None
        self._breaker.report(ticket, ok=True)
        return sealed

    def close(self) -> None:
        self._line.close()

    def _check(self, pdf: bytes, sealed: bytes) -> None:
        """A service may err: what goes on file is our document, sealed whole by a certificate that we know."""
        from blueprints.web.outside import pades

        if not sealed.startswith(pdf):
            raise CannotSeal("the answer is another document")
        found = list(pades.seals_of(sealed))
        if len(found) != 1 or not (found[0].intact and found[0].whole):
            raise CannotSeal("the answer is not sealed as a whole")
        if found[0].certificate not in self._known:
            raise CannotSeal("the answer is sealed by an unknown certificate")


async def _exchange(url: str, pdf: bytes, seconds: float, client: httpx.AsyncClient) -> bytes:
    async with client.stream("POST", url, content=pdf, timeout=seconds) as answer:
        if answer.status_code != 200:
            raise CannotSeal(f"the service answered {answer.status_code}")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/pdf" or "Content-Encoding" in answer.headers:
            raise CannotSeal("the answer is no PDF")
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > LARGEST:
                raise CannotSeal("the answer is too large")
    return bytes(body)


# --- what is configured ---


def of(settings: Settings, instance: Path) -> tuple[Sealer | None, frozenset[bytes]]:
    """The seal that the settings name, and the certificates (DER) by which ours are known. Misconfigured in words."""
    known = _certificates(settings.seal_certificates)
    if settings.seal_url:
        if not known:
            raise Misconfigured(
                "设置了SITE_SEAL_URL，还要用SITE_SEAL_CERTIFICATES给出它的签章证书（PEM文件）"
            )
        return HttpSealer(settings.seal_url, settings.seal_key, known, seconds=settings.seal_seconds), known
    if settings.seal_file:
        key = _read(settings.seal_file, "SITE_SEAL_FILE", secret=True)
    elif settings.demo:
        key = _test_key(instance / TEST_FILE)
    else:
        return None, known
    try:
        sealer = KeySealer(key, settings.seal_password.encode() if settings.seal_file else b"")
    except ValueError:
        raise Misconfigured("SITE_SEAL_FILE打不开：要PKCS#12文件，密码用SITE_SEAL_PASSWORD") from None
    if settings.production and sealer.test:
        raise Misconfigured("正式环境不能用测试签章的证书：换成正式的，或者去掉SITE_SEAL_FILE")
    return sealer, known | {sealer.certificate}


def _certificates(file: str) -> frozenset[bytes]:
    if not file:
        return frozenset()
    try:
        found = x509.load_pem_x509_certificates(_read(file, "SITE_SEAL_CERTIFICATES"))
    except ValueError:
        raise Misconfigured("SITE_SEAL_CERTIFICATES要写PEM文件，里面是一张或几张证书") from None
    return frozenset(one.public_bytes(serialization.Encoding.DER) for one in found)


def _read(file: str, variable: str, *, secret: bool = False) -> bytes:
    try:
        if secret and Path(file).stat().st_mode & 0o007:
            raise Misconfigured(f"{variable}的文件别的用户也能打开：chmod 0400，属主是运行网站的用户")
        return Path(file).read_bytes()
    except OSError as error:
        raise Misconfigured(f"{variable}的文件读不出来（{type(error).__name__}）") from None


def _organisation(certificate: x509.Certificate) -> str:
    named = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return str(named[0].value) if named else ""


def _test_key(kept: Path) -> bytes:
    """A demo's own key, made once."""
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial_file = kept.with_suffix(f".{os.getpid()}")
        partial_file.touch(mode=0o600)
        partial_file.write_bytes(make_key(TEST))
        with suppress(FileExistsError):  # the first of several processes wins
            os.link(partial_file, kept)
        partial_file.unlink()
    return kept.read_bytes()


def make_key(organisation: str, password: bytes = b"") -> bytes:
    """A key with a certificate that it signs itself, as PKCS#12."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{organisation}（企业首席健康官平台）"),
        ]
    )
    begins = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=365 * TEST_YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .sign(key, hashes.SHA256())
    )
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(organisation.encode(), key, certificate, None, how)


_SIGNS = x509.KeyUsage(
    digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip
