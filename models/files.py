"""Files that people hand in (附件): taken by what they are, not by what they are called, and kept sealed, each content once.

Whatever has attachments refers to `stored_file` by a foreign key and has a table of its own for who added them, to what, and when.
"""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import Labelled, Row, RuleBroken
from .photographs import HEIC, small_jpeg
from .vault import Vault

MOST_BYTES = 10 * 1024 * 1024
MOST_UNPACKED = 200 * 1024 * 1024
MOST_PARTS = 5000  # of a document or workbook
TAKEN = "请上传照片（JPG、PNG、WebP）、PDF、Word（docx）或Excel（xlsx）"
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
PICTURE_BRANDS = (*HEIC, b"avif", b"avis")
MAIN_PARTS = {"xl/workbook.xml": "xlsx", "word/document.xml": "docx"}


class FileKind(Labelled):
    PHOTO = "photo", "照片"
    PDF = "pdf", "PDF"
    DOCX = "docx", "Word文档"
    XLSX = "xlsx", "Excel表格"

    @property
    def ending(self) -> str:
        return "jpg" if self is FileKind.PHOTO else self.value


def taken(sent: bytes) -> tuple[FileKind, bytes]:
    """What was sent, as it is kept: a picture small and without what the telephone wrote into it, the others as they are.
    RuleBroken, in words for the person who sent it, for whatever is no such file."""
    if not sent:
        raise RuleBroken("请选一个文件，空文件不收")
    if len(sent) > MOST_BYTES:
        raise RuleBroken(f"文件不能超过{MOST_BYTES // 1024 // 1024}MB，请压缩或拆开再传")
    if _is_picture(sent):
        return FileKind.PHOTO, small_jpeg(sent)
    if sent.startswith(b"%PDF-"):
        return FileKind.PDF, _whole_pdf(sent)
    if sent.startswith(OLD_OFFICE):
        raise RuleBroken("这是旧版或加了密码的Office文件，请去掉密码，另存为docx或xlsx再传")
    if sent.startswith(ZIP):
        return _office(sent), sent
    raise RuleBroken(f"不收这种文件，{TAKEN}")


def _is_picture(sent: bytes) -> bool:
    return (
        sent.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (sent[:4], sent[8:12]) == (b"RIFF", b"WEBP")
        or (sent[4:8] == b"ftyp" and sent[8:12] in PICTURE_BRANDS)
    )


def _whole_pdf(sent: bytes) -> bytes:
    if b"%%EOF" not in sent[-2048:]:
        raise RuleBroken("这个PDF不完整，请重新导出再传")
    return sent


def _office(sent: bytes) -> FileKind:
    """Which of the two it is by its main part; a name ending in docx is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(sent)) as packed:
            parts = packed.infolist()
            kinds = {MAIN_PARTS[one.filename] for one in parts if one.filename in MAIN_PARTS}
            types = any(one.filename == "[Content_Types].xml" for one in parts)
    except Exception:  # readers of broken or hostile archives fail in every way there is
        raise RuleBroken("打不开这个文件，可能没有传完，请重新导出再传") from None
    if len(kinds) != 1 or not types:
        raise RuleBroken(f"不收压缩包，{TAKEN}，一个一个传")
    if len(parts) > MOST_PARTS or sum(one.file_size for one in parts) > MOST_UNPACKED:
        raise RuleBroken("这个文件展开以后太大，请只留要用的几页再传")
    if any(one.filename.lower().endswith("vbaproject.bin") for one in parts):
        raise RuleBroken("这个文件带宏，请另存为不带宏的docx或xlsx再传")
    return FileKind(kinds.pop())


class StoredFile(Row):
    """A content, once, however many things it is attached to."""

    digest: Mapped[bytes] = mapped_column(unique=True)
    kind: Mapped[FileKind]
    size: Mapped[int]  # bytes, as handed out
    content: Mapped[bytes] = mapped_column(
        deferred=True
    )  # sealed; a list of attachments does not carry it about
    kept_at: Mapped[datetime]

    CONTENT = "stored_file.content"

    @classmethod
    def keep(
        cls, session: Session, vault: Vault, kind: FileKind, content: bytes, *, now: datetime
    ) -> StoredFile:
        """The row of this content, new or the one that is there. It stays until the transaction ends, whoever lets go of it."""
        digest = vault.mac(
            "stored file", content, 32
        )  # keyed: from the table nobody learns who has a known file
        known = select(cls).where(cls.digest == digest).with_for_update()
        found = session.scalar(known)
        if found is not None:
            return found
        made = cls(
            digest=digest,
            kind=kind,
            size=len(content),
            content=vault.seal_bytes(content, cls.CONTENT),
            kept_at=now,
        )
        try:
            with session.begin_nested():
                session.add(made)
        except IntegrityError:  # somebody else was quicker by a moment
            return session.scalars(known).one()
        return made

    @classmethod
    def let_go(cls, session: Session, file_id: int) -> None:
        """Deletes a content that nothing refers to any more: the foreign keys know."""
        with suppress(IntegrityError), session.begin_nested():  # refused while it is attached elsewhere
            session.execute(delete(cls).where(cls.id == file_id).execution_options(synchronize_session=False))

    def opened(self, vault: Vault) -> bytes:
        return vault.unseal_bytes(self.content, self.CONTENT)
