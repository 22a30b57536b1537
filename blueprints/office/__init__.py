"""Liaison officers and the district task force (联络员、专班)."""

from flask import Blueprint

bp = Blueprint("office", __name__)

from blueprints.office import checklist, hand_over, modes, retention, schemes, views  # noqa: E402, F401
