"""What a page shows once (只显示一次): a fresh password, the code of a slip, an invitation's link.

The change answers 303 like any other; the next page takes the secret out of the cookie, where it lies sealed, and
shows it. Loading that page again shows it no more.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flask import session

from blueprints.web.site import site

LASTS = timedelta(minutes=5)


def show_once(kind: str, **secrets: Any) -> None:
    session[f"once:{kind}"] = site.vault.seal_token(json.dumps(secrets), f"once {kind}", site.now() + LASTS)


def shown_once(kind: str) -> dict[str, Any] | None:
    """What `show_once` left for this browser; None where it has been shown, or was never there."""
    sealed = session.pop(f"once:{kind}", None)
    opened = site.vault.unseal_token(sealed, f"once {kind}", site.now()) if sealed else None
    return None if opened is None else json.loads(opened)
