"""The gate: visitors scan, guards watch (入口). Serves anyone with a phone; the guard's desk needs a post."""

from flask import Blueprint

bp = Blueprint("gate", __name__)

from blueprints.gate import (  # noqa: E402, F401
    by_hand,
    confirming,
    counting,
    desk,
    faults,
    filling,
    inside,
    leaving,
    measuring,
    mine,
    passes,
    sheet_photos,
    sheets,
    views,
    visitor,
)
