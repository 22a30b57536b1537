"""Views of the administrators, each with pages of their own."""

from blueprints.admin.views import accounts, appointments, areas, audit, places, security  # noqa: F401
