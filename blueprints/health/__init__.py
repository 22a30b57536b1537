"""What employees report of their health each day (每日健康), and what is done about whoever is not well."""

from flask import Blueprint

bp = Blueprint("health", __name__)

from blueprints.health import entering, follow_up, leader, links, manage, self_report, together  # noqa: E402, F401
