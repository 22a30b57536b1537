"""Keeps personal data unreadable in the database yet findable, and cookies closed (字段加密、盲索引); SEC-13.

Two suites stand behind one interface: AES-256-GCM with HMAC-SHA256, and SM4-GCM with HMAC-SM3 for a
deployment that must pass 密评. Keys come from the configuration, never from the database. A new key gets a
new id and becomes the current one; older values stay readable until they have been sealed again.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import ciphers, hashes
from cryptography.hazmat.primitives import hmac as cryptography_hmac
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.sql.operators import OperatorType, eq, is_, is_not, ne
from sqlalchemy.types import TypeDecorator

_NONCE_BYTES = 12
_TAG_BYTES = 16
_INDEX_KEY_BYTES = 32
_EXPIRY_BYTES = 8


class Unsealable(Exception):
    """A sealed value that this vault cannot open: other key, other column, or changed bytes."""


# --- the two suites ---


class Cipher(Protocol):
    """Authenticated encryption under one key. `decrypt` raises InvalidTag unless all is as sealed."""

    def encrypt(self, nonce: bytes, data: bytes, context: bytes, /) -> bytes:
        """The ciphertext followed by a 16-byte tag."""

    def decrypt(self, nonce: bytes, data: bytes, context: bytes, /) -> bytes:
        """The plain bytes."""


class Sm4Gcm:
    """SM4-GCM (GB/T 32907) in the shape of `cryptography`'s AESGCM, so that AESGCM needs no wrapper."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, context: bytes, /) -> bytes:
        encryptor = ciphers.Cipher(self._algorithm, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(context)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, context: bytes, /) -> bytes:
        sealed, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        decryptor = ciphers.Cipher(self._algorithm, modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(context)
        return decryptor.update(sealed) + decryptor.finalize()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


@lru_cache(maxsize=256)
def _keyed(hash_: type[hashes.HashAlgorithm], key: bytes) -> cryptography_hmac.HMAC:
    return cryptography_hmac.HMAC(key, hash_())


def _hmac(hash_: type[hashes.HashAlgorithm], key: bytes, message: bytes) -> bytes:
    """Goes on from a copy that has taken the key in: making one anew takes three times as long, and a check-in has four."""
    mac = _keyed(hash_, key).copy()
    mac.update(message)
    return mac.finalize()


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher, a digest and a MAC that belong together; `key_bytes` is the length of a key."""

    name: str
    key_bytes: int
    cipher: Callable[[bytes], Cipher]
    hash: hashes.HashAlgorithm
    digest: Callable[[bytes], bytes]
    mac: Callable[[bytes, bytes], bytes]
    """(key, message) -> 32 bytes."""


SUITES: Mapping[str, Suite] = {
    "aes": Suite("aes", 32, AESGCM, hashes.SHA256(), _sha256, partial(_hmac, hashes.SHA256)),
    "sm": Suite("sm", 16, Sm4Gcm, hashes.SM3(), _sm3, partial(_hmac, hashes.SM3)),
}


# --- the vault ---


class Vault:
    """Seals and opens values, and derives MACs, under a set of numbered keys.

    `keys`: id (1 to 255) -> key of the suite's length; `current`: the id that seals; `index_key`: at least
    32 bytes, the root of every MAC and blind index. ValueError if any of them does not fit. Changing the
    suite or the index key means opening the old vault beside the new one and sealing (and indexing) again.
    """

    def __init__(
        self, keys: Mapping[int, bytes], index_key: bytes, current: int, *, suite: str = "aes"
    ) -> None:
        if suite not in SUITES:
            raise ValueError(f"没有“{suite}”这套算法，可选 {'、'.join(SUITES)}")
        self.suite = SUITES[suite]
        for key_id, key in keys.items():
            if not 1 <= key_id <= 255:
                raise ValueError(f"密钥编号是1到255，现在是{key_id}")
            if len(key) != self.suite.key_bytes:
                raise ValueError(f"{key_id}号密钥是{self.suite.key_bytes}字节，现在是{len(key)}字节")
        if current not in keys:
            raise ValueError(f"没有{current}号密钥，不能用它加密")
        if len(index_key) < _INDEX_KEY_BYTES:
            raise ValueError(f"索引密钥至少{_INDEX_KEY_BYTES}字节，现在是{len(index_key)}字节")
        if any(hmac.compare_digest(key, index_key) for key in keys.values()):
            raise ValueError("索引密钥不能与加密密钥相同")
        self.current = current
        self._ciphers = {key_id: self.suite.cipher(key) for key_id, key in keys.items()}
        self._current_cipher = self._ciphers[current]
        self._current_prefix = bytes([current])
        self._index_key = index_key
        self._derived: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return f"Vault({self.suite.name}, keys {sorted(self._ciphers)}, current {self.current})"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A vault from the configuration: "1:base64,2:base64,index:base64", also "suite:sm" and "current:1".

        Seals with the highest id unless `current` names another: a key can so be handed to every process
        first and come into use afterwards. ValueError names the entry that does not fit, never its text.
        """
        entries: dict[str, str] = {}
        for place, entry in enumerate(filter(None, (entry.strip() for entry in text.split(","))), start=1):
            name, colon, value = (part.strip() for part in entry.partition(":"))
            if not colon or not re.fullmatch(r"[1-9][0-9]{0,2}|index|suite|current", name):
                raise ValueError(f"密钥设置第{place}项看不懂，要写成“1:base64,index:base64”")
            if name in entries:
                raise ValueError(f"密钥设置里{name}写了两次")
            entries[name] = value
        suite, current = entries.pop("suite", "aes"), entries.pop("current", None)
        index_key = _key_bytes(entries.pop("index", ""), "索引密钥（index）")
        keys = {int(name): _key_bytes(value, f"{name}号密钥") for name, value in entries.items()}
        if not keys:
            raise ValueError("密钥设置里没有加密密钥，要写成“1:base64,index:base64”")
        if current is not None and current not in entries:
            raise ValueError("密钥设置的current要写已有的密钥编号")
        return cls(keys, index_key, max(keys) if current is None else int(current), suite=suite)

    @staticmethod
    def fresh_keys(*, suite: str = "aes") -> str:
        """New random keys in the form that `parse` reads, to be kept outside the database."""
        field_key, index_key = os.urandom(SUITES[suite].key_bytes), os.urandom(_INDEX_KEY_BYTES)
        return f"suite:{suite},1:{_to_text(field_key)},index:{_to_text(index_key)}"

    @classmethod
    def fresh(cls, *, suite: str = "aes") -> Self:
        """A vault with random keys that nobody keeps: its data end with the process (tests)."""
        return cls.parse(cls.fresh_keys(suite=suite))

    def seal(self, text: str, context: str) -> bytes:
        """`text` closed under the current key: key id (1 byte), nonce (12), ciphertext and tag.

        `context` is "table.column" and is authenticated, so that a value moved to another column does not
        open. Values of one column in two rows can still be exchanged: whoever can write rows is the audit's
        concern. Nonces are random: change the key well before 2^32 values.
        """
        return self._seal_bytes(text.encode(), context.encode())

    def unseal(self, blob: bytes, context: str) -> str:
        """The text that was sealed for `context`; Unsealable otherwise."""
        return self._unseal_bytes(blob, context.encode()).decode()

    def seal_bytes(self, data: bytes, context: str) -> bytes:
        """As `seal`, for what is no text: a picture, say. What is sealed as bytes does not open as text, nor the reverse."""
        return self._seal_bytes(data, b"bytes:" + context.encode())

    def unseal_bytes(self, blob: bytes, context: str) -> bytes:
        """The bytes that were sealed for `context`; Unsealable otherwise."""
        return self._unseal_bytes(blob, b"bytes:" + context.encode())

    def key_id_of(self, blob: bytes) -> int:
        """Under which key a value is sealed: rotation looks for those that are not `current`."""
        return blob[0]

    def blind(self, text: str, field: str) -> bytes:
        """16 bytes by which equal values of one field are found without being readable (盲索引).

        The caller passes the stored spelling (`identifiers.mobile(...)`). `field` is "table.column" or a
        name that several columns share on purpose; equal values of different fields have unlike indexes.
        """
        return self.suite.mac(self._key_for(b"blind"), field.encode() + b"\0" + text.encode())[:16]

    def mac(self, purpose: str, message: bytes, length: int = 16) -> bytes:
        """A MAC of 1 to 32 bytes under a key of its own for `purpose`, a word fixed in the program."""
        if not 1 <= length <= 32:
            raise ValueError("MAC的长度是1到32字节")
        return self.suite.mac(self._key_for(b"mac:" + purpose.encode()), message)[:length]

    def sign(self, purpose: str, parts: Iterable[str | int]) -> str:
        """22 URL-safe characters that vouch for these parts in this order; no two lists read alike."""
        written = [str(part).encode() for part in parts]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in written)
        return _to_text(self.mac("sign:" + purpose, message))

    def signed(self, purpose: str, parts: Iterable[str | int], signature: str) -> bool:
        """Whether `signature` is that of these parts, in constant time; any odd text is simply False."""
        return hmac.compare_digest(self.sign(purpose, parts).encode(), signature.encode("utf-8", "replace"))

    def seal_token(self, text: str, context: str, expires_at: datetime.datetime) -> str:
        """`text` as URL-safe characters for a cookie or link, opaque to its bearer, until `expires_at`."""
        expiry = int(_instant(expires_at)).to_bytes(_EXPIRY_BYTES, "big")
        return _to_text(self._seal_bytes(expiry + text.encode(), b"token:" + context.encode()))

    def unseal_token(self, token: str, context: str, now: datetime.datetime) -> str | None:
        """What the token held; None if it has expired or a character is not as issued. Never an error."""
        blob = _from_text(token)
        if blob is None:
            return None
        try:
            plain = self._unseal_bytes(blob, b"token:" + context.encode())
        except Unsealable:
            return None
        if _instant(now) >= int.from_bytes(plain[:_EXPIRY_BYTES], "big"):
            return None
        return plain[_EXPIRY_BYTES:].decode()

    def _seal_bytes(self, plain: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return self._current_prefix + nonce + self._current_cipher.encrypt(nonce, plain, context)

    def _unseal_bytes(self, blob: bytes, context: bytes) -> bytes:
        if len(blob) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise Unsealable("密文不完整")
        cipher = self._ciphers.get(blob[0])
        if cipher is None:
            raise Unsealable(f"没有{blob[0]}号密钥")
        try:
            return cipher.decrypt(blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :], context)
        except InvalidTag:
            raise Unsealable("密文被改动，或不属于这一列") from None

    def _key_for(self, info: bytes) -> bytes:
        """A key derived from the index key by HKDF, once per purpose."""
        key = self._derived.get(info)
        if key is None:
            key = HKDF(algorithm=self.suite.hash, length=32, salt=None, info=info).derive(self._index_key)
            self._derived[info] = key
        return key


def _key_bytes(encoded: str, name: str) -> bytes:
    """A key from base64, ordinary or URL-safe, with or without padding."""
    compact = encoded.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name}不是base64") from None


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_text(text: str) -> bytes | None:
    """The bytes of a text of `_to_text`; None for any other text, also one that decodes to the same bytes."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if _to_text(data) == text else None


def _instant(at: datetime.datetime) -> float:
    if at.tzinfo is None:
        raise ValueError("时刻要带时区")
    return at.timestamp()


# --- the vault of this process, and the column type ---

_open: Vault | None = None


def open_vault(vault: Vault) -> None:
    """Makes `vault` the one that EncryptedText uses in this process; `create_app` calls it once.

    A process-wide setting, against the habit of passing things in, because SQLAlchemy builds column types
    when the classes are defined, before there is a configuration, and hands them no application when it
    reads a row. The last call holds, so that tests can make one application after another.
    """
    global _open
    _open = vault


def the_vault() -> Vault:
    """The vault of this process; RuntimeError before `open_vault`: nothing is stored unsealed."""
    if _open is None:
        raise RuntimeError("还没有打开密钥库：create_app 要先调用 open_vault")
    return _open


class EncryptedText(TypeDecorator[str]):
    """A text column that the database holds sealed: `mapped_column(EncryptedText("account.mobile"))`.

    The context is written out because it is part of the sealed value: renaming a table must not make its
    data unreadable. Comparing or sorting such a column raises TypeError, since it would silently find
    nothing; compare a blind index. Only IS NULL works. On the right of another column it goes unnoticed.
    """

    impl = LargeBinary
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[str]):
        """Lets `IS NULL` through and nothing else."""

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> Any:
            if op in (eq, ne, is_, is_not) and other and other[0] is None:
                return super().operate(op, *other, **kwargs)
            raise TypeError("加密的列不能比较或排序，请用盲索引列")

        def reverse_operate(self, op: OperatorType, other: Any, **kwargs: Any) -> Any:
            raise TypeError("加密的列不能比较或排序，请用盲索引列")

    comparator_factory = Comparator

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def __repr__(self) -> str:
        """As it is written in a migration: SQLAlchemy's own would leave the context out."""
        return f"EncryptedText({self.context!r})"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else the_vault().seal(value, self.context)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else the_vault().unseal(value, self.context)
