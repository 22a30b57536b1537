"""People and their accounts: signing in, one's own affairs, invitations (账号)."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)

from blueprints.accounts import views  # noqa: E402, F401
