"""An enterprise's health plan of the year (年度计划)."""

from flask import Blueprint

bp = Blueprint("plans", __name__)

from blueprints.plans import activities, evidence, papers, views  # noqa: E402, F401
