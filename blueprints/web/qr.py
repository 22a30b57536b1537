"""Square codes (二维码) for posters and slips: as an SVG path, and the address that a gate code stands for.

Error level Q or better, a quiet zone of 4 modules, never Micro QR: every phone reads it, a scratched one too.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from urllib.parse import urlsplit

import segno
from flask import request

from blueprints.web.site import site

QUIET = 4


@dataclass(frozen=True, slots=True)
class Square:
    """A code as drawn: `side` modules with the quiet zone, and the dark ones as one SVG path."""

    side: int
    path: str

    @property
    def inlined(self) -> str:
        """As the address of a picture: printed, an <img> has words beside it for who cannot see it, an inline drawing none."""
        side = f"{self.side} {self.side}"
        drawn = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side}"><path fill="#fff" d="M0 0h{self.side}v{self.side}H0z"/>'
            f'<path fill="#000" d="{self.path}"/></svg>'
        )
        return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"


def square(text: str) -> Square:
    """The code of this text, to be filled black on a white square of `side` by `side`."""
    code = _make(text)
    rows = [list(row) for row in code.matrix_iter(border=QUIET)]
    runs = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if x > start:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
            x += 1
    return Square(len(rows), "".join(runs))


def png(text: str, *, scale: int = 12) -> bytes:
    """The bare code as a picture, `scale` pixels a module."""
    out = io.BytesIO()
    _make(text).save(out, kind="png", scale=scale, border=QUIET)
    return out.getvalue()


def gate_address(code: str, district_slug: str) -> str:
    """What a gate's poster carries: the gate's page, under the district's own host if it has one."""
    return f"{_origin(district_slug)}/g/{code}"


def page_address(path: str, district_slug: str) -> str:
    """What a printed sheet carries: a page of the site, under the district's own host if it has one."""
    return f"{_origin(district_slug)}{path}"


def shown_host(district_slug: str) -> str:
    """The host as people type it, without https://."""
    return urlsplit(_origin(district_slug)).netloc


def _origin(district_slug: str) -> str:
    public = site.settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    own = next((host for host, slug in dict(site.settings.hosts).items() if slug == district_slug), None)
    return f"{urlsplit(public).scheme}://{own}" if own else public


def _make(text: str) -> segno.QRCode:
    return segno.make(text, error="q", micro=False, boost_error=True)
