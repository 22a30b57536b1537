"""The gate: visitors scan, guards watch (入口). Serves anyone with a phone; the guard's desk needs a post."""

from flask import Blueprint

bp = Blueprint("gate", __name__)

from blueprints.gate import by_hand, confirming, desk, faults, measuring, passes, views, visitor  # noqa: E402, F401
