"""The platform's signature in a PDF (PAdES B-B): put on by pyHanko, and looked at without opening the document.

Imported where a seal is put on or looked at, not before: pyHanko takes a second and forty megabytes, and most processes never seal.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from asn1crypto import cms
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

FIELD = "Seal"
RANGE = re.compile(
    rb"/ByteRange\s{0,8}\[\s{0,8}(\d{1,10})\s{1,8}(\d{1,10})\s{1,8}(\d{1,10})\s{1,8}(\d{1,10})\s{0,8}\]"
)
MOST_SEALS = 8  # of a file that is looked at; ours has one
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature that a file carries."""

    certificate: bytes  # whose it is, DER; empty where that cannot be read
    intact: bool  # the bytes that it covers are those that were signed
    whole: bool  # it covers the file from the first byte to the last


def signer_of(pkcs12: bytes, password: bytes) -> signers.SimpleSigner:
    """The key with its certificate. ValueError where the file or its password is wrong."""
    return signers.SimpleSigner.load_pkcs12_data(pkcs12, other_certs=[], passphrase=password or None)


def sign(pdf: bytes, signer: signers.SimpleSigner, *, reason: str) -> bytes:
    """The document with a certifying signature: no later change is allowed, not even a comment. No picture is drawn (SIGN-3)."""
    about = signers.PdfSignatureMetadata(
        field_name=FIELD, reason=reason, md_algorithm="sha256", certify=True,
        subfilter=fields.SigSeedSubFilter.PADES, docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )  # fmt: skip
    field = fields.SigFieldSpec(FIELD, on_page=-1, readable_field_name="平台签章")

    def work() -> bytes:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        return signers.PdfSigner(about, signer=signer, new_field_spec=field).sign_pdf(writer).getvalue()

    return _apart(work)


def seals_of(pdf: bytes) -> Iterator[Seal]:
    """The signatures of a file, found by their byte ranges. The document itself is not read: anybody may send one, and it may be
    built to explode. So a file that says more than one thing to two readers is none of ours, and only its words differ."""
    for number, found in enumerate(RANGE.finditer(pdf)):
        if number == MOST_SEALS:
            return
        start, length, after, rest = (int(one) for one in found.groups())
        whole = start == 0 and after + rest == len(pdf)
        try:
            yield _seal(pdf, start, length, after, rest, whole=whole)
        except Exception:  # anybody may send anything, and every layer below complains in its own way
            yield Seal(b"", intact=False, whole=whole)


def _seal(pdf: bytes, start: int, length: int, after: int, rest: int, *, whole: bool) -> Seal:
    written = pdf[start + length : after].strip()
    if (
        after < start + length
        or after + rest > len(pdf)
        or not (written[:1] == b"<" and written[-1:] == b">")
    ):
        raise ValueError("not a signature's place")
    signed = cms.ContentInfo.load(bytes.fromhex(written[1:-1].decode("ascii")), strict=False)["content"]
    (signer,) = signed["signer_infos"]
    certificate = next(
        one.chosen for one in signed["certificates"]
        if one.name == "certificate" and one.chosen.serial_number == signer["sid"].chosen["serial_number"].native
    )  # fmt: skip
    covered = hashlib.new(
        signer["digest_algorithm"]["algorithm"].native,
        pdf[start : start + length] + pdf[after : after + rest],
    )
    intact, valid = validate_sig_integrity(signer, certificate, "data", covered.digest())
    return Seal(certificate.dump(), intact=bool(intact and valid), whole=whole)


def _apart(work: Callable[[], T]) -> T:
    """In a thread of its own: pyHanko runs an event loop, which fails where the caller's thread has one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
