"""Limits for what can be guessed (频次限制): sign-in, typed codes, search. Check-ins are limited by their own rows."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, storage_uri="memory://")
