"""What the front server has to do, asked from outside (前置服务器检查)."""

from __future__ import annotations

import subprocess

from deploy.trial.network import inside


def curl(*arguments: str) -> tuple[int, dict[str, str], str]:
    """Status, heads and beginning of the text, as a client on the street gets them."""
    command = [*inside("cho-street"), "curl", "-sk", "-m", "20", "-D", "-", *arguments]
    out = subprocess.run(command, capture_output=True).stdout.decode("utf-8", "replace")
    head, _, body = out.replace("\r\n", "\n").partition("\n\n")
    if " 100" in head.partition("\n")[0]:
        head, _, body = body.partition("\n\n")
    first, *rest = head.splitlines() or ["HTTP/2 0"]
    heads = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split()[1]), heads, body


def front_server(host: str, code: str) -> list[str]:
    """What is not as it should be."""
    wrong: list[str] = []

    def expect(what: str, holds: bool) -> None:
        if not holds:
            wrong.append(f"前置服务器：{what}")

    status, heads, _ = curl(f"http://{host}/g/{code}")
    expect("HTTP转到HTTPS", status == 301 and heads.get("location", "").startswith("https://"))
    status, heads, page = curl(f"https://{host}/g/{code}")
    expect(
        "入口页打开，带HSTS和CSP",
        status == 200 and "strict-transport-security" in heads and "content-security-policy" in heads,
    )
    expect("入口页的版本号样式长期缓存", _is_kept_for_long(host, page))
    status, heads, _ = curl(f"https://{host}/sign-in")
    expect(
        "Cookie是__Host-和Secure",
        heads.get("set-cookie", "").startswith("__Host-") and "Secure" in heads["set-cookie"],
    )
    for path in (
        "/metrics",
        "/health/ready",
        "/health/live",
        "/static/../app.py",
        "/.git/config",
        "/deploy/site.env.example",
    ):
        expect(f"{path}打不开", curl("--path-as-is", f"https://{host}{path}")[0] in (400, 404))
    status, _, _ = curl(
        "-H", "X-Forwarded-For: 127.0.0.1", "-H", "X-Real-IP: 127.0.0.1", f"https://{host}/metrics"
    )
    expect("伪造来源也打不开/metrics", status == 404)
    status, _, _ = curl("-d", "x=" + "9" * 70_000, f"https://{host}/g/{code}")
    expect("入口表单太大被拒绝", status == 413)
    status, _, _ = curl("-X", "TRACE", f"https://{host}/")
    expect("TRACE关着", status == 405)
    status, heads, _ = curl("-H", "Accept-Encoding: gzip", f"https://{host}/g/{code}")
    expect("入口页压缩", heads.get("content-encoding") == "gzip")
    expect("版本不外露", heads.get("server") == "nginx")
    statuses = _crowd(host, code, 300)
    expect(f"一个地址300个访客都放行，现在{statuses}", statuses == {"200": 300})
    return wrong


def _is_kept_for_long(host: str, page: str) -> bool:
    found = [part for part in page.split('"') if part.startswith("/static/css/") and "?v=" in part]
    if not found:
        return False
    status, heads, _ = curl("-H", "Accept-Encoding: gzip", f"https://{host}{found[0]}")
    return (
        status == 200
        and "immutable" in heads.get("cache-control", "")
        and heads.get("content-encoding") == "gzip"
    )


def _crowd(host: str, code: str, number: int) -> dict[str, int]:
    """That many requests from one address, as fast as curl sends them."""
    command = [
        *inside("cho-street"),
        "curl",
        "-sk",
        "-Z",
        "--parallel-max",
        "40",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}\\n",
    ]
    out = subprocess.run(
        [*command, f"https://{host}/g/{code}?n=[1-{number}]"], capture_output=True, text=True
    ).stdout.split()
    return {status: out.count(status) for status in set(out)}
