"""For those who run the site (运维): whether it lives, whether it is ready, and its figures."""

from flask import Blueprint

bp = Blueprint("operations", __name__)

from blueprints.operations import views  # noqa: E402, F401
