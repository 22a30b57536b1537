"""A place, looked after by its specialist (园区、楼宇)."""

from flask import Blueprint

bp = Blueprint("places", __name__)

from blueprints.places import cases, entries, gates, inside, live, spellings, views, watching  # noqa: E402, F401
