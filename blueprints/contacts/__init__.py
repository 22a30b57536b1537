"""The roster of a place and the contact with its enterprises (花名册、联络)."""

from flask import Blueprint

bp = Blueprint("contacts", __name__)

from blueprints.contacts import batches, log, people, roster  # noqa: E402, F401
