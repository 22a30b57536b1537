"""HTML to PDF (打印件): A4 and A5 documents with embedded fonts, tagged for screen readers (PDF/UA-1).

A document's template extends `document.html`, which sets language, title and author. A missing picture or
font stops the printing: half a poster must not be hung up.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import pypdfium2
from flask import current_app, render_template

# Pango, fontconfig and PDFium share state in a process: one document at a time.
_printing = Lock()


class CannotPrint(RuntimeError):
    """A document that cannot be made as its template wants it: the text names the missing part."""


def document(template: str, *sheets: str, **context: object) -> bytes:
    """The PDF of a template, laid out by the given style sheets of static/css."""
    return print_html(render_template(template, **context), *sheets)


def print_html(html: str, *sheets: str) -> bytes:
    """The PDF of a whole HTML document. CannotPrint where something that it shows is missing or forbidden."""
    from blueprints.web import printer

    with _printing:
        return printer.printed(html, Path(current_app.static_folder or "static"), *sheets)


def picture(pdf: bytes, *, dpi: int = 200) -> bytes:
    """The first page of a PDF as PNG."""
    with _printing:
        opened = pypdfium2.PdfDocument(pdf)
        try:
            image = opened[0].render(scale=dpi / 72).to_pil()
        finally:
            opened.close()
    out = io.BytesIO()
    image.quantize(64).save(out, "PNG", dpi=(dpi, dpi), optimize=True)
    return out.getvalue()


def joined(papers: Sequence[bytes]) -> tuple[bytes, int]:
    """Many PDFs as one, in their order, and how many pages it has."""
    whole = pypdfium2.PdfDocument.new()
    try:
        for paper in papers:
            with _printing:
                opened = pypdfium2.PdfDocument(paper)
                try:
                    whole.import_pages(opened)
                finally:
                    opened.close()
        out = io.BytesIO()
        with _printing:
            whole.save(out)
            return out.getvalue(), len(whole)
    finally:
        whole.close()
