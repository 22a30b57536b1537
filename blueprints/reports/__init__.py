"""What enterprises report (报送): filled and corrected by them, accepted or returned by those who look after them."""

from flask import Blueprint

bp = Blueprint("reports", __name__)

from blueprints.reports import burden, closures, filing, judging, missing, reminding, sheet, tracking, upwards  # noqa: E402, F401
