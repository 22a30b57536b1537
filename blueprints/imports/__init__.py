"""Taking in many rows from a workbook (导入)."""

from flask import Blueprint

bp = Blueprint("imports", __name__)

from blueprints.imports import files, views  # noqa: E402, F401
