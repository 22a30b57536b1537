"""An enterprise's own people (员工、健康档案): only its chief health officer and its health managers come in here."""

from flask import Blueprint

bp = Blueprint("archive", __name__)

from blueprints.archive import check_ups, employees, exports, leaving, person, teams  # noqa: E402, F401
