"""HTML to PDF (打印件): A4 and A5 documents with embedded fonts, tagged for screen readers (PDF/UA-1).

A document's template extends `document.html`, which sets language, title and author. A missing picture or
font stops the printing: half a poster must not be hung up.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.parse import unquote, urlsplit

import pypdfium2
from flask import current_app, render_template
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from blueprints.web.justified import spread

VARIANT = "pdf/ua-1"
SYSTEM_FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))

# Pango, fontconfig and PDFium share state in a process: one document at a time.
_printing = Lock()


class CannotPrint(RuntimeError):
    """A document that cannot be made as its template wants it: the text names the missing part."""


class OnlyOurFiles(URLFetcher):
    """Reads static/ and the system's fonts and no more: a document reaches neither network nor secrets."""

    def __init__(self, static: Path) -> None:
        super().__init__(allowed_protocols=("file", "data"), allow_redirects=False, fail_on_errors=True)
        self.roots = tuple(root.resolve() for root in (static, *SYSTEM_FONTS))

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        parts = urlsplit(url)
        if parts.scheme == "file":
            file = Path(unquote(parts.path)).resolve()
            if not any(file.is_relative_to(root) for root in self.roots):
                raise ValueError(f"{url} is neither ours nor a font")
        return super().fetch(url, headers)


def document(template: str, *sheets: str, **context: object) -> bytes:
    """The PDF of a template, laid out by the given style sheets of static/css."""
    return print_html(render_template(template, **context), *sheets)


def print_html(html: str, *sheets: str) -> bytes:
    """The PDF of a whole HTML document. CannotPrint where something that it shows is missing or forbidden."""
    static = Path(current_app.static_folder or "static")
    with _printing:
        try:
            base = f"{static.resolve().as_uri()}/"
            laid_out = HTML(string=html, base_url=base, url_fetcher=OnlyOurFiles(static)).render(
                stylesheets=[_sheet(static / "css" / name) for name in sheets],
                font_config=_fonts(),
                pdf_variant=VARIANT,
            )
            spread(laid_out)
            return laid_out.write_pdf(pdf_variant=VARIANT)
        except FatalURLFetchingError as error:  # a BaseException: left alone it would end the worker
            raise CannotPrint(str(error)) from error


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


@cache
def _fonts() -> FontConfiguration:
    return FontConfiguration()


@cache
def _sheet(file: Path) -> CSS:
    """Parsed once a process: the sheets change only with a new release."""
    return CSS(filename=file, url_fetcher=OnlyOurFiles(file.parent.parent), font_config=_fonts())
