"""Hosts and cables of the trial: Linux network namespaces on one bridge, reached by nobody else. Needs root and iproute2."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH = "cho-switch"
HOSTS = {
    "cho-db": "10.77.0.5",
    "cho-web1": "10.77.0.11",
    "cho-web2": "10.77.0.12",
    "cho-street": "10.77.0.100",
}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def inside(host: str) -> list[str]:
    """Put in front of a command, it runs on that host."""
    return ["ip", "netns", "exec", host]


@contextmanager
def network() -> Iterator[None]:
    """Lays the cables, and takes everything away afterwards."""
    try:
        ip("netns", "add", SWITCH)
        ip("-n", SWITCH, "link", "add", "bridge", "type", "bridge")
        ip("-n", SWITCH, "link", "set", "bridge", "up")
        for host, address in HOSTS.items():
            ip("netns", "add", host)
            ip("-n", host, "link", "add", "cable", "type", "veth", "peer", "name", host, "netns", SWITCH)
            ip("-n", SWITCH, "link", "set", host, "master", "bridge", "up")
            ip("-n", host, "address", "add", f"{address}/24", "dev", "cable")
            ip("-n", host, "link", "set", "cable", "up")
            ip("-n", host, "link", "set", "lo", "up")
        yield
    finally:
        for host in (*HOSTS, SWITCH):
            subprocess.run(["ip", "netns", "delete", host], stderr=subprocess.DEVNULL, check=False)


def cut(host: str) -> None:
    """Pulls the cable: whatever is on its way is lost, and nobody is told."""
    ip("-n", SWITCH, "link", "set", host, "down")


def mend(host: str) -> None:
    ip("-n", SWITCH, "link", "set", host, "up")
