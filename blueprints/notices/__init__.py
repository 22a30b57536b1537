"""Notices: written, followed up and read (通知)."""

from flask import Blueprint

bp = Blueprint("notices", __name__)

from blueprints.notices import following, reading, writing  # noqa: E402, F401
