"""What an operator sets (配置): read from SITE_* once at the start, checked, and frozen."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from models.base import RuleBroken
from models.mail_addresses import read_address
from models.vault import Vault


class Misconfigured(RuntimeError):
    """The site refuses to start; the text says which setting is wrong and what to put there."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is the environment variable SITE_<NAME>."""

    env: str = "demo"  # demo | production | test
    database_url: str = ""  # empty: SQLite in the instance folder
    secret_key: str = ""  # signs the session cookie
    data_keys: str = ""  # encrypts and indexes personal data: "1:base64,index:base64", see Vault.parse
    public_url: str = (
        ""  # https://jkg.example: on posters and in invitations; https turns on Secure cookies and HSTS
    )
    hosts: Mapping[str, str] | str = ""  # host=district,host=district: which district a host belongs to
    policy_dir: str = ""  # packs from outside
    test_clock: str = ""  # an ISO instant at which the clock starts; never in production
    trusted_proxies: int = 0  # how many front servers add X-Forwarded-For
    metrics_token: str = ""  # opens /metrics to a collector on another machine
    icp: str = ""  # 备案号
    police_record: str = ""  # 公安备案号
    health_code_url: str = ""  # where visitors' health codes are looked up; empty: nowhere
    health_code_key: str = field(default="", repr=False)
    health_code_seconds: float = 1.5  # from a question to its last byte
    health_code_at_once: int = 2  # questions of one process; fewer than its threads
    mail_server: str = ""  # host:port of the SMTP server for letters; empty: none are sent
    mail_tls: str = "starttls"  # starttls | tls | none (on this machine alone)
    mail_user: str = ""
    mail_password: str = field(default="", repr=False)
    mail_from: str = ""  # whose letters they are
    mail_seconds: float = 10.0  # for a letter, from connecting to the last word
    robot_url: str = field(default="", repr=False)  # of a work group's robot; empty: none is told
    robot_secret: str = field(default="", repr=False)  # DingTalk's signature
    robot_district: str = ""  # whose group it is
    robot_seconds: float = 5.0
    seal_file: str = ""  # PKCS#12 with the key of the platform's seal; empty and no service: none in service
    seal_password: str = field(default="", repr=False)
    seal_url: str = ""  # of a seal service instead
    seal_key: str = field(default="", repr=False)
    seal_seconds: float = 20.0  # for a document
    seal_certificates: str = ""  # PEM file: further certificates by which seals are ours
    contact_days: int = 30  # an enterprise that was not contacted for so long stands out on the roster

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
        names = {f.name for f in fields(cls)}
        given: dict[str, Any] = _from_files(environment)
        given |= {n: environment[f"SITE_{n.upper()}"] for n in names if f"SITE_{n.upper()}" in environment}
        given |= {name: value for name, value in overrides.items() if name in names}
        if "trusted_proxies" in given:
            given["trusted_proxies"] = int(given["trusted_proxies"])
        for name, kind in (
            ("health_code_seconds", float),
            ("health_code_at_once", int),
            ("contact_days", int),
            ("mail_seconds", float),
            ("robot_seconds", float),
            ("seal_seconds", float),
        ):
            if name in given:
                given[name] = _number(name, kind, given[name])
        if isinstance(given.get("hosts"), str):
            given["hosts"] = dict(pair.split("=", 1) for pair in given["hosts"].split(",") if "=" in pair)
        given.setdefault("hosts", {})
        settings = cls(**given)
        settings._check()
        return settings

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def demo(self) -> bool:
        return self.env == "demo"

    @property
    def tls(self) -> bool:
        return self.public_url.startswith("https://")

    def _check(self) -> None:
        if self.env not in ("demo", "production", "test"):
            raise Misconfigured(f"SITE_ENV={self.env}：只能是demo、production或test")
        if self.test_clock:
            try:
                aware = datetime.fromisoformat(self.test_clock).tzinfo is not None
            except ValueError:
                aware = False
            if not aware:
                raise Misconfigured("SITE_TEST_CLOCK要写成带时区的时刻，例如2026-11-20T09:41:00+08:00")
        if not 1 <= self.contact_days <= 365:
            raise Misconfigured("SITE_CONTACT_DAYS在1到365之间")
        self._check_health_code()
        self._check_mail()
        self._check_robot()
        self._check_seal()
        if not self.production:
            return
        for name in ("database_url", "secret_key", "data_keys", "public_url", "icp", "police_record"):
            if not getattr(self, name):
                raise Misconfigured(f"正式环境必须设置SITE_{name.upper()}")
        if len(self.secret_key) < 32:
            raise Misconfigured("SITE_SECRET_KEY太短，至少32个字符")
        if _is_guessable(self.secret_key):
            raise Misconfigured(f"SITE_SECRET_KEY不是随机的：用{MAKE_SECRET}生成一个")
        if any(_is_guessable(key) for key in re.findall(r":([^,]{20,})", self.data_keys)):
            raise Misconfigured("SITE_DATA_KEYS不是随机的：照deploy/README.md生成")
        if self.metrics_token and (len(self.metrics_token) < 32 or _is_guessable(self.metrics_token)):
            raise Misconfigured(f"SITE_METRICS_TOKEN要随机，至少32个字符：用{MAKE_SECRET}生成一个")
        if not self.tls:
            raise Misconfigured("正式环境的SITE_PUBLIC_URL必须以https://开头")
        if self.test_clock:
            raise Misconfigured("正式环境不能设置SITE_TEST_CLOCK")

    def _check_health_code(self) -> None:
        if not self.health_code_url:
            if self.health_code_key:
                raise Misconfigured("设置了SITE_HEALTH_CODE_KEY，还要设置SITE_HEALTH_CODE_URL")
            return
        if not _is_private(self.health_code_url):
            raise Misconfigured(
                "SITE_HEALTH_CODE_URL要写成https://的完整地址，不带账号；查询服务在本机，才可以用http://"
            )
        if not re.fullmatch(r"[!-~]{16,}", self.health_code_key):
            raise Misconfigured("SITE_HEALTH_CODE_KEY至少16个字符，只能用英文字母、数字和符号，不能有空格")
        if not 0.2 <= self.health_code_seconds <= 2.5:
            raise Misconfigured("SITE_HEALTH_CODE_SECONDS在0.2到2.5之间：访客3秒内要看到结果")
        if not 1 <= self.health_code_at_once <= 64:
            raise Misconfigured("SITE_HEALTH_CODE_AT_ONCE在1到64之间")

    def _check_mail(self) -> None:
        if not self.mail_server:
            return
        host, _, port = self.mail_server.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise Misconfigured("SITE_MAIL_SERVER要写成主机:端口，例如smtp.example.cn:465")
        if self.mail_tls not in ("starttls", "tls", "none"):
            raise Misconfigured(f"SITE_MAIL_TLS={self.mail_tls}：只能是starttls、tls或none")
        if self.mail_tls == "none" and not _is_here(host.strip("[]")):
            raise Misconfigured("SITE_MAIL_TLS=none只用于本机的邮件服务，别处的要用starttls或tls")
        try:
            read_address(self.mail_from)
        except RuleBroken:
            raise Misconfigured("设置了SITE_MAIL_SERVER，SITE_MAIL_FROM要写发信的邮箱") from None
        if bool(self.mail_user) != bool(self.mail_password):
            raise Misconfigured("SITE_MAIL_USER和SITE_MAIL_PASSWORD要一起设")
        if not 1 <= self.mail_seconds <= 30:
            raise Misconfigured("SITE_MAIL_SECONDS在1到30之间")

    def _check_robot(self) -> None:
        if not self.robot_url:
            return
        if not _is_private(self.robot_url):
            raise Misconfigured("SITE_ROBOT_URL要写成https://的完整地址；在本机，才可以用http://")
        if not self.robot_district:
            raise Misconfigured("设置了SITE_ROBOT_URL，还要用SITE_ROBOT_DISTRICT写明是哪个区的工作群")
        if not 1 <= self.robot_seconds <= 30:
            raise Misconfigured("SITE_ROBOT_SECONDS在1到30之间")

    def _check_seal(self) -> None:
        """What can be said without opening the files: see blueprints/web/outside/seal.py for the rest."""
        if self.seal_file and self.seal_url:
            raise Misconfigured("SITE_SEAL_FILE和SITE_SEAL_URL只能设一个")
        if not self.seal_url:
            return
        if not _is_private(self.seal_url):
            raise Misconfigured(
                "SITE_SEAL_URL要写成https://的完整地址，不带账号；签章服务在本机，才可以用http://"
            )
        if not re.fullmatch(r"[!-~]{16,}", self.seal_key):
            raise Misconfigured("SITE_SEAL_KEY至少16个字符，只能用英文字母、数字和符号，不能有空格")
        if not 1 <= self.seal_seconds <= 60:
            raise Misconfigured("SITE_SEAL_SECONDS在1到60之间")


def _number(name: str, kind: type[int] | type[float], written: Any) -> int | float:
    try:
        return kind(written)
    except ValueError:
        raise Misconfigured(f"SITE_{name.upper()}={written}：只能是数字") from None


def _is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent to this address: it goes under TLS, or does not leave the machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or port == 0 or parts.username is not None or parts.fragment or not url.isascii():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# What may be handed over as a file whose path is in SITE_<NAME>_FILE, as systemd's LoadCredential does.
SECRET = (
    "secret_key",
    "data_keys",
    "database_url",
    "metrics_token",
    "mail_password",
    "robot_url",
    "robot_secret",
    "seal_password",
    "seal_key",
)
MAKE_SECRET = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
LEAST_SIGNS = 9  # different ones: 24 random characters of base64 have 14 and more


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Secrets that lie in files. Refused where others on this machine may read them."""
    found = {}
    for name in SECRET:
        variable = f"SITE_{name.upper()}_FILE"
        if not environment.get(variable):
            continue
        if environment.get(f"SITE_{name.upper()}"):
            raise Misconfigured(f"SITE_{name.upper()}和{variable}只能设一个")
        file = Path(environment[variable])
        try:
            if file.stat().st_mode & 0o007:
                raise Misconfigured(f"{variable}的文件别的用户也能打开：chmod 0400，属主是运行网站的用户")
            found[name] = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{variable}的文件读不出来（{type(error).__name__}）") from None
    return found


def _is_guessable(secret: str) -> bool:
    """A word of somebody's, or one from an example, instead of random signs."""
    lowered = secret.lower()
    return len(set(secret)) < LEAST_SIGNS or any(
        word in lowered for word in ("change", "secret", "example", "password")
    )


PATIENCE = {
    "connect_timeout": 5, "tcp_user_timeout": 10_000,
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2,
}  # fmt: skip


def engine_options(settings: Settings) -> dict[str, Any]:
    """Of the database's pool. Errors never carry the values of a statement: they are people's.

    A server that is cut off answers nothing at all. Unasked the system would wait for a quarter of an hour; here a worker is
    free again after ten seconds, and says so.
    """
    options: dict[str, Any] = {"pool_size": 10, "pool_timeout": 10, "hide_parameters": settings.production}
    if settings.database_url.startswith("postgresql"):
        said = make_url(settings.database_url).query  # what the address itself says stands
        options["connect_args"] = {name: value for name, value in PATIENCE.items() if name not in said}
    return options


def keys_of(settings: Settings, instance: Path) -> tuple[str, Vault]:
    """The cookie key and the vault: from the settings, or for a demo made once and kept in the instance folder."""
    keys = {name: getattr(settings, name) for name in KEYS}
    if not all(keys.values()):
        kept = instance / "demo-keys.json"
        if not kept.exists():
            _make_keys(kept)
        keys = json.loads(kept.read_text()) | {name: key for name, key in keys.items() if key}
    if settings.production and _are_of_the_demo(keys, instance):
        raise Misconfigured("正式环境不能用演示的密钥（demo-keys.json）：换成新的")
    try:
        vault = Vault.parse(keys["data_keys"])
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    return keys["secret_key"], vault


KEYS = ("secret_key", "data_keys")


def _are_of_the_demo(keys: Mapping[str, str], instance: Path) -> bool:
    kept = instance / "demo-keys.json"
    return kept.exists() and any(json.loads(kept.read_text())[name] == keys[name] for name in KEYS)


def _make_keys(kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps({"secret_key": secrets.token_urlsafe(48), "data_keys": Vault.fresh_keys()}))
    try:
        os.link(partial, kept)  # the first of several processes wins
    except FileExistsError:
        pass
    finally:
        partial.unlink()
