"""An enterprise's own house (企业)."""

from flask import Blueprint

bp = Blueprint("enterprises", __name__)

from blueprints.enterprises import closing, filing, moving, portfolio, posts, saved, views  # noqa: E402, F401
