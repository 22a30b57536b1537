"""Responsibility letters: sent to many, read, signed, countersigned, followed up, checked by anyone (责任书)."""

from flask import Blueprint

bp = Blueprint("letters", __name__)

from blueprints.letters import (  # noqa: E402, F401
    deciding,
    issuing,
    linked,
    paper,
    printing,
    reading,
    signers,
    signing,
    tracking,
    verifying,
)
