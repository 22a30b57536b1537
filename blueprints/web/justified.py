"""Both edges even (两端对齐): what a line of Chinese text leaves free is spread between its signs.

WeasyPrint stretches spaces alone, of which Chinese text has none: a line that gives a sign to the next one, so that none begins with
a comma, would end a sign short. So its finished lines are gone through before they are drawn. What is read here of its boxes is none
of its public interface: the version is pinned, and a test measures the edges.
"""

from __future__ import annotations

from typing import Any

from weasyprint.document import Document
from weasyprint.formatting_structure.boxes import BlockContainerBox, LineBox, TextBox

MOST = 0.3  # of the size of a sign; a line that lacks more was broken before something long, and stays ragged


def spread(document: Document) -> None:
    """Every line of justified text ends where its column ends, but for the last of a paragraph."""
    for page in document.pages:
        for block in page._page_box.descendants():
            if isinstance(block, BlockContainerBox) and block.style["text_align_all"] == "justify":
                for line in block.children:
                    if (
                        isinstance(line, LineBox) and "bottom" in line.remove_decoration_sides
                    ):  # the text goes on
                        _spread(line, block.content_box_x() + block.width)


def _spread(line: Any, right: float) -> None:
    texts = [one for one in line.descendants() if isinstance(one, TextBox) and one.text]
    gaps = sum(len(one.text) for one in texts) - 1
    if gaps < 1:
        return
    last = texts[-1]
    more = (right - (last.position_x + last.width - _between(last))) / gaps
    if abs(more) > MOST * last.style["font_size"]:
        return
    moved = 0.0
    for one in texts:
        one.translate(moved)
        one.style = one.style.copy()
        one.style["letter_spacing"] = _between(one) + more
        one.width += more * len(one.text)
        moved += more * len(one.text)


def _between(text: Any) -> float:
    """What is between its signs; behind the last one as well."""
    spacing = text.style["letter_spacing"]
    return 0.0 if spacing == "normal" else spacing
