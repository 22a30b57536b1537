"""Pages of which most is always the same (印好的页面): drawn once, with blanks, and filled in for each visitor."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable

from flask import current_app
from markupsafe import Markup

KEPT = 5000  # pages in memory at most


def blank(name: str) -> Markup:
    """Stands in a page for what is filled in later. No text that people type has such a sign in it."""
    return Markup(f"\0{name}\0")


class Printed:
    """A page around its blanks."""

    def __init__(self, html: str) -> None:
        self._pieces = re.split("\0([a-z]+)\0", html)  # text, name, text, name, …, text

    def filled(self, **words: str) -> str:
        """The page; the words are HTML already."""
        pieces = list(self._pieces)
        pieces[1::2] = [words[name] for name in pieces[1::2]]
        return "".join(pieces)


class Prints:
    """The printed pages of a view, by everything that is printed on them."""

    def __init__(self) -> None:
        self._pages: dict[Hashable, Printed] = {}

    def page(self, key: Hashable, draw: Callable[[], str]) -> Printed:
        """The page of this key; `draw` draws it the first time."""
        page = self._pages.get(key)
        if page is None:
            if len(self._pages) >= KEPT:
                self._pages.clear()
            page = self._pages[key] = Printed(draw())
        return page


def draw(template: str, **context: object) -> str:
    """A template with this context and nothing else: nobody is signed in on a visitor's page."""
    return current_app.jinja_env.get_template(template).render(context)
