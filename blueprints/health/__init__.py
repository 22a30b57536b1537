"""Daily health of an enterprise's people (每日健康): they report by phone, their manager looks after them."""

from flask import Blueprint

bp = Blueprint("health", __name__)

from blueprints.health import entering, follow_up, links, manage, self_report  # noqa: E402, F401
