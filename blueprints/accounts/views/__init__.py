"""Views of accounts: the door, one's own affairs, the people one looks after, invitations and slips."""

from blueprints.accounts.views import door, handed, mail, own, people  # noqa: F401
