"""A gate's own phones and tablets (值守设备): made by the specialist, paired once, taken over by guards in turn."""

from flask import Blueprint

bp = Blueprint("devices", __name__)

from blueprints.devices import duty, hand_over, manage, pairing, tablet  # noqa: E402, F401
