"""Illness that looks like a cluster (聚集预警): reported at once, alerts out of the figures, the curve of normal times."""

from flask import Blueprint

bp = Blueprint("clusters", __name__)

from blueprints.clusters import alerts, curves, following, listing, reporting  # noqa: E402, F401
