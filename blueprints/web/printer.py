"""The printer (排版): WeasyPrint as this site uses it. It takes a second to import, so that only who prints does: see `pdf`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from blueprints.web.justified import spread
from blueprints.web.pdf import CannotPrint

VARIANT = "pdf/ua-1"
SYSTEM_FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


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


def printed(html: str, static: Path, *sheets: str) -> bytes:
    """The PDF of a whole HTML document, laid out by the given style sheets of `static`/css. CannotPrint as `pdf.print_html` says."""
    try:
        laid_out = HTML(
            string=html, base_url=f"{static.resolve().as_uri()}/", url_fetcher=OnlyOurFiles(static)
        ).render(
            stylesheets=[_sheet(static / "css" / name) for name in sheets],
            font_config=_fonts(),
            pdf_variant=VARIANT,
        )
        spread(laid_out)
        return laid_out.write_pdf(pdf_variant=VARIANT)
    except FatalURLFetchingError as error:  # a BaseException: left alone it would end the worker
        raise CannotPrint(str(error)) from error


@cache
def _fonts() -> FontConfiguration:
    return FontConfiguration()


@cache
def _sheet(file: Path) -> CSS:
    """Parsed once a process: the sheets change only with a new release."""
    return CSS(filename=file, url_fetcher=OnlyOurFiles(file.parent.parent), font_config=_fonts())
