"""Messages to oneself (消息)."""

from flask import Blueprint

bp = Blueprint("inbox", __name__)

from blueprints.inbox import views  # noqa: E402, F401
