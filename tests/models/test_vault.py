"""SEC-13: what is sealed opens only where it belongs, equal values are found, the vectors hold."""

import base64
import datetime
import os

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import orm

from models import vault as vault_module
from models.vault import SUITES, EncryptedText, Unsealable, Vault, open_vault, the_vault

NOW = datetime.datetime(2026, 11, 21, 1, 41, tzinfo=datetime.UTC)
SOON = NOW + datetime.timedelta(minutes=10)
MOBILE = "13800138000"

VAULTS = {name: Vault.fresh(suite=name) for name in SUITES}


@pytest.fixture(params=SUITES)
def vault(request):
    return VAULTS[request.param]


# --- published vectors ---


def test_sm3_of_abc():
    assert SUITES["sm"].digest(b"abc").hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_sm4_of_its_own_key():
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    # A block cipher's vector is by nature a bare block: ECB is used for nothing else here.
    block = ciphers.Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    assert (block.update(key) + block.finalize()).hex() == "681edf34d206965e86b3e94f536e4246"


def test_hmac_sm3_of_the_quick_brown_fox():
    assert SUITES["sm"].mac(b"key", b"The quick brown fox jumps over the lazy dog").hex() == (
        "bd4a34077888162b210645b8ebf74b9af357303789357a27c7fc457244ebd398"
    )


def test_sm4_gcm_of_rfc_8998():
    plain = bytes.fromhex(
        "aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "ee" * 8 + "aa" * 8
    )
    cipher = SUITES["sm"].cipher(bytes.fromhex("0123456789abcdeffedcba9876543210"))
    nonce = bytes.fromhex("00001234567800000000abcd")
    context = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = cipher.encrypt(nonce, plain, context)
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert cipher.decrypt(nonce, sealed, context) == plain


def test_sha256_and_hmac_sha256_of_known_texts():
    assert SUITES["aes"].digest(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert SUITES["aes"].mac(b"key", b"The quick brown fox jumps over the lazy dog").hex() == (
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


# --- sealed fields ---


@given(text=st.text(), name=st.sampled_from(sorted(SUITES)))
def test_whatever_is_sealed_opens_again(text, name):
    assert VAULTS[name].unseal(VAULTS[name].seal(text, "t.c"), "t.c") == text


def test_a_value_moved_to_another_column_does_not_open(vault):
    blob = vault.seal(MOBILE, "account.mobile")
    with pytest.raises(Unsealable):
        vault.unseal(blob, "check_in.mobile")


def test_a_changed_byte_anywhere_does_not_open(vault):
    blob = vault.seal(MOBILE, "account.mobile")
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(Unsealable):
            vault.unseal(bytes(changed), "account.mobile")


@pytest.mark.parametrize("length", [0, 1, 13, 28])
def test_a_value_cut_short_does_not_open(vault, length):
    with pytest.raises(Unsealable):
        vault.unseal(vault.seal(MOBILE, "account.mobile")[:length], "account.mobile")


def test_the_same_value_is_never_sealed_alike(vault):
    assert len({vault.seal(MOBILE, "account.mobile") for _ in range(100)}) == 100


def test_a_sealed_mobile_is_40_bytes_and_begins_with_the_key_id(vault):
    blob = vault.seal(MOBILE, "account.mobile")
    assert len(blob) == 40
    assert vault.key_id_of(blob) == blob[0] == 1
    assert MOBILE.encode() not in blob


def test_an_error_of_the_vault_tells_nothing_of_the_content(vault):
    with pytest.raises(Unsealable) as caught:
        vault.unseal(vault.seal(MOBILE, "account.mobile"), "other.column")
    assert MOBILE not in str(caught.value)
    assert caught.value.__cause__ is None


def test_after_rotation_old_values_open_and_new_ones_carry_the_new_key():
    one, two, index = os.urandom(32), os.urandom(32), os.urandom(32)
    old = Vault({1: one}, index, 1)
    both = Vault({1: one, 2: two}, index, 2)
    only_new = Vault({2: two}, index, 2)
    before = old.seal(MOBILE, "account.mobile")
    assert both.unseal(before, "account.mobile") == MOBILE
    again = both.seal(both.unseal(before, "account.mobile"), "account.mobile")
    assert both.key_id_of(again) == 2
    assert only_new.unseal(again, "account.mobile") == MOBILE
    with pytest.raises(Unsealable):
        only_new.unseal(before, "account.mobile")
    assert old.blind(MOBILE, "mobile") == only_new.blind(MOBILE, "mobile")


# --- blind index, MACs ---


def test_equal_values_of_one_field_have_one_blind_index_of_16_bytes(vault):
    assert vault.blind(MOBILE, "mobile") == vault.blind(MOBILE, "mobile")
    assert len(vault.blind(MOBILE, "mobile")) == 16


def test_blind_indexes_differ_by_value_field_and_vault(vault):
    other = Vault.fresh(suite=vault.suite.name)
    indexes = [
        vault.blind(MOBILE, "mobile"),
        vault.blind(MOBILE, "phone"),
        vault.blind("13800138001", "mobile"),
        vault.blind("e" + MOBILE, "mobil"),
        other.blind(MOBILE, "mobile"),
    ]
    assert len(set(indexes)) == len(indexes)


def test_macs_differ_by_purpose_and_are_cut_to_length(vault):
    assert vault.mac("ticket", b"1") == vault.mac("ticket", b"1")
    assert vault.mac("ticket", b"1") != vault.mac("nonce", b"1")
    assert vault.mac("ticket", b"1") != vault.mac("ticket", b"2")
    assert len(vault.mac("ticket", b"1")) == 16
    assert vault.mac("ticket", b"1", 8) == vault.mac("ticket", b"1", 32)[:8]


@pytest.mark.parametrize("length", [0, -1, 33])
def test_a_mac_has_1_to_32_bytes(vault, length):
    with pytest.raises(ValueError, match="1到32"):
        vault.mac("ticket", b"1", length)


def test_a_signature_holds_for_its_parts_only(vault):
    signature = vault.sign("nonce", ["ab", "c", 7])
    assert vault.signed("nonce", ["ab", "c", 7], signature)
    for parts in (["a", "bc", 7], ["ab", "c", 8], ["ab", "c"], ["ab", "c", 7, ""], ["abc", 7]):
        assert not vault.signed("nonce", parts, signature)
    assert not vault.signed("ticket", ["ab", "c", 7], signature)
    assert len(signature) == 22


@given(st.text(st.characters(codec=None)))
def test_any_odd_text_is_simply_no_signature(text):
    assert not VAULTS["aes"].signed("nonce", ["a"], text)


# --- tokens ---


def test_a_token_opens_until_it_expires(vault):
    token = vault.seal_token("张三 13800138000", "remember", SOON)
    assert vault.unseal_token(token, "remember", NOW) == "张三 13800138000"
    assert vault.unseal_token(token, "remember", SOON - datetime.timedelta(seconds=1)) == "张三 13800138000"
    assert vault.unseal_token(token, "remember", SOON) is None


def test_a_token_is_safe_in_a_cookie_and_unreadable(vault):
    token = vault.seal_token("13800138000", "remember", SOON)
    assert token.replace("-", "a").replace("_", "a").isalnum()
    assert token.isascii()
    assert b"13800138000" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_a_token_with_any_changed_character_is_nothing(vault):
    # Texts of every length: the last character of base64 then has spare bits, which must not matter either.
    for text in ("", "a", "ab", "abc"):
        token = vault.seal_token(text, "remember", SOON)
        for place, sign in enumerate(token):
            for other in "AaBQgw0_-=+/ \n张":
                if other != sign:
                    changed = token[:place] + other + token[place + 1 :]
                    assert vault.unseal_token(changed, "remember", NOW) is None
        for changed in (token[:-1], token + "A", token + "=", token + "\n", " " + token):
            assert vault.unseal_token(changed, "remember", NOW) is None


@given(st.text(st.characters(codec=None)))
def test_any_odd_text_is_simply_no_token(text):
    assert VAULTS["aes"].unseal_token(text, "remember", NOW) is None


def test_a_token_of_one_use_is_nothing_for_another(vault):
    token = vault.seal_token("x", "remember", SOON)
    assert vault.unseal_token(token, "download", NOW) is None
    blob = base64.urlsafe_b64encode(vault.seal("x" * 20, "remember")).rstrip(b"=").decode()
    assert vault.unseal_token(blob, "remember", NOW) is None


def test_an_instant_without_a_zone_is_refused(vault):
    with pytest.raises(ValueError, match="时区"):
        vault.seal_token("x", "remember", NOW.replace(tzinfo=None))


# --- configuration ---


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


ONE, TWO, INDEX = bytes(range(32)), bytes(range(100, 132)), bytes(range(200, 232))


def test_keys_are_read_from_the_configuration_and_the_highest_seals():
    read = Vault.parse(f"1:{b64(ONE)}, 2:{b64(TWO)},index:{b64(INDEX)}")
    assert (read.current, read.suite.name) == (2, "aes")
    assert Vault({2: TWO}, INDEX, 2).unseal(read.seal(MOBILE, "a.b"), "a.b") == MOBILE
    assert read.blind(MOBILE, "mobile") == Vault({1: ONE}, INDEX, 1).blind(MOBILE, "mobile")


def test_a_new_key_can_be_handed_out_before_it_is_used():
    read = Vault.parse(f"1:{b64(ONE)},2:{b64(TWO)},current:1,index:{b64(INDEX)}")
    assert read.key_id_of(read.seal(MOBILE, "a.b")) == 1


def test_the_sm_suite_is_chosen_in_the_configuration():
    read = Vault.parse(f"suite:sm,1:{b64(ONE[:16])},index:{b64(INDEX)}")
    assert read.suite.name == "sm"
    assert read.unseal(read.seal(MOBILE, "a.b"), "a.b") == MOBILE


@pytest.mark.parametrize("suite", SUITES)
def test_fresh_keys_are_kept_as_text_and_open_what_they_sealed(suite):
    text = Vault.fresh_keys(suite=suite)
    blob = Vault.parse(text).seal(MOBILE, "a.b")
    assert Vault.parse(text).unseal(blob, "a.b") == MOBILE
    assert Vault.fresh_keys(suite=suite) != text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "没有加密密钥"),
        (f"1:{b64(ONE)}", "索引密钥"),
        (f"index:{b64(INDEX)}", "没有加密密钥"),
        (f"{b64(ONE)},index:{b64(INDEX)}", "第1项"),
        (f"0:{b64(ONE)},index:{b64(INDEX)}", "第1项"),
        (f"256:{b64(ONE)},index:{b64(INDEX)}", "1到255"),
        (f"1:{b64(ONE)},1:{b64(TWO)},index:{b64(INDEX)}", "写了两次"),
        (f"1:{b64(ONE[:16])},index:{b64(INDEX)}", "1号密钥是32字节，现在是16字节"),
        (f"1:{b64(ONE)},index:{b64(INDEX[:16])}", "索引密钥至少32字节"),
        (f"1:{b64(ONE)},index:{b64(ONE)}", "不能与加密密钥相同"),
        (f"1:不是密钥,index:{b64(INDEX)}", "1号密钥不是base64"),
        (f"1:{b64(ONE)},current:2,index:{b64(INDEX)}", "current"),
        (f"suite:rot13,1:{b64(ONE)},index:{b64(INDEX)}", "rot13"),
    ],
)
def test_a_wrong_key_setting_is_named_without_being_shown(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        Vault.parse(text)
    assert b64(ONE) not in str(caught.value)


def test_the_keys_stay_out_of_repr():
    shown = repr(Vault({1: ONE, 2: TWO}, INDEX, 2))
    assert shown == "Vault(aes, keys [1, 2], current 2)"


# --- the column type ---


class Base(orm.DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    mobile: orm.Mapped[str | None] = orm.mapped_column(EncryptedText("person.mobile"))
    note: orm.Mapped[str | None] = orm.mapped_column(EncryptedText("person.note"))


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(vault_module, "_open", None)
    open_vault(Vault.fresh())
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        yield session
    engine.dispose()


def test_a_column_is_read_as_text_and_stored_sealed(session):
    session.add(Person(id=1, mobile=MOBILE, note=None))
    session.flush()
    session.expire_all()
    person = session.get_one(Person, 1)
    assert (person.mobile, person.note) == (MOBILE, None)
    stored = session.execute(sa.text("SELECT mobile, note FROM person")).one()
    assert MOBILE.encode() not in stored.mobile
    assert the_vault().unseal(stored.mobile, "person.mobile") == MOBILE
    assert stored.note is None


def test_a_value_copied_to_another_column_cannot_be_read(session):
    session.add(Person(id=1, mobile=MOBILE))
    session.flush()
    session.execute(sa.text("UPDATE person SET note = mobile"))
    session.expire_all()
    with pytest.raises(Unsealable):
        session.get_one(Person, 1)


def test_a_sealed_column_can_be_asked_whether_it_is_empty(session):
    session.add_all([Person(id=1, mobile=MOBILE), Person(id=2)])
    session.flush()
    assert session.scalars(sa.select(Person.id).where(Person.mobile.is_(None))).all() == [2]
    assert session.scalars(sa.select(Person.id).where(Person.mobile.is_not(None))).all() == [1]
    assert session.scalars(sa.select(Person.id).where(Person.mobile == None)).all() == [2]  # noqa: E711


@pytest.mark.parametrize(
    "compare",
    [
        lambda: Person.mobile == MOBILE,
        lambda: Person.mobile != MOBILE,
        lambda: Person.mobile.in_([MOBILE]),
        lambda: Person.mobile.like("138%"),
        lambda: Person.mobile < "2",
        lambda: Person.mobile.desc(),
        lambda: Person.mobile == Person.note,
        lambda: "a" + Person.mobile,
        lambda: "a" + Person.__table__.c.mobile,
    ],
)
def test_comparing_a_sealed_column_is_an_error_and_not_an_empty_answer(compare):
    with pytest.raises(TypeError, match="盲索引"):
        compare()


def test_nothing_is_stored_before_a_vault_is_open(session, monkeypatch):
    monkeypatch.setattr(vault_module, "_open", None)
    session.add(Person(id=1, mobile=MOBILE))
    with pytest.raises(sa.exc.StatementError, match="open_vault"):
        session.flush()


def test_the_last_vault_opened_is_the_one_of_the_process(monkeypatch):
    monkeypatch.setattr(vault_module, "_open", None)
    with pytest.raises(RuntimeError, match="open_vault"):
        the_vault()
    first, second = Vault.fresh(), Vault.fresh()
    open_vault(first)
    open_vault(second)
    assert the_vault() is second


def test_two_columns_of_the_type_do_not_share_a_compiled_statement():
    assert EncryptedText("a.b")._static_cache_key != EncryptedText("a.c")._static_cache_key
    assert repr(EncryptedText("a.b")) == "EncryptedText('a.b')"


@given(st.binary(max_size=300))
def test_sealed_bytes_open_again_and_only_as_bytes(data):
    for vault in VAULTS.values():
        sealed = vault.seal_bytes(data, "sheet_photo.image")
        assert vault.unseal_bytes(sealed, "sheet_photo.image") == data
        with pytest.raises(Unsealable):
            vault.unseal_bytes(sealed, "other.image")
        with pytest.raises(Unsealable):
            vault.unseal(sealed, "sheet_photo.image")
        with pytest.raises(Unsealable):
            vault.unseal_bytes(vault.seal("text", "sheet_photo.image"), "sheet_photo.image")
