"""The floor of a page: Flask renders a Jinja template of the same size, with as many headers as ours, and nothing else.

The template is the gate's own page (PAGE_TEMPLATE names the file) with its few changing words as variables: no loop,
no macro, no include is left in it, so that this is a page as cheap as Jinja makes them.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from flask import Flask, Response, render_template

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def create_app() -> Flask:
    template = Path(os.environ["PAGE_TEMPLATE"])
    app = Flask(__name__, template_folder=str(template.parent), static_folder=None)

    @app.get("/page/<gate>")
    def page(gate: str) -> str:
        return render_template(
            template.name, place="云溪软件园B区", gate=gate, token=secrets.token_urlsafe(33)
        )

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return app
