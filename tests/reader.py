"""Reads pages as strictly as a validator: `read()` refuses what people and screen readers stumble over."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from html5lib.constants import E as PARSE_ERRORS

SVG = "{http://www.w3.org/2000/svg}"
HEADING_LEVELS = ("h1", "h2", "h3", "h4", "h5", "h6")
UNSEEN = {"script", "style", "template", "title", f"{SVG}title", f"{SVG}desc", f"{SVG}symbol"}
BLOCKS = """
address article aside blockquote body br button caption dd details dialog div dl dt fieldset figcaption figure
footer form header hr legend li main nav noscript ol option p pre section select summary table tbody td tfoot
th thead tr ul
"""
LINES = {*HEADING_LEVELS, *BLOCKS.split()}  # elements that begin and end a line of text
UNLABELLED = {"hidden", "submit", "reset", "button", "image"}  # input types that need no label
REFERENCES = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "aria-details", "aria-owns")
REFERENCES += ("aria-errormessage", "aria-activedescendant", "aria-flowto", "list", "form", "headers")
DATA_SCRIPTS = {"application/json", "application/ld+json"}
VERBS = ("hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete")
ADDRESSES = ("href", "src", "action", "formaction", "{http://www.w3.org/1999/xlink}href", *VERBS)
LEFTOVERS = ("{{", "{%", "<bound method", "<function ")  # a template's mistakes, printed
# a fragment is parsed as what stands around it would have it parsed
AROUND = {"tr": "tbody", "td": "tr", "th": "tr", "tbody": "table", "thead": "table", "option": "select"}


class BadPage(AssertionError):
    """The page has faults; the message lists all of them."""


@dataclass(frozen=True)
class Link:
    """An address on the page that a crawler can follow: `kind` is href, action, src or an hx- attribute."""

    url: str
    kind: str
    tag: str
    text: str = ""


@dataclass
class Form:
    """A form as a browser would submit it untouched; `buttons` are (name, value, words)."""

    action: str
    method: str
    enctype: str
    id: str
    element: Element
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)

    def data(self, **changes) -> dict[str, list]:
        """The fields with some filled in, for `client.post(data=...)`: a value, a list of them, a file as
        (stream, name), or None to leave the field out. A name that the form does not have is an error."""
        data: dict[str, list] = dict(self.fields)
        for name, value in changes.items():
            if name not in self.choices:
                raise KeyError(f"no field {name!r} in this form, only {sorted(self.choices)}")
            values = [] if value is None else value if isinstance(value, list) else [value]
            data[name] = [str(one) if isinstance(one, int | float) else one for one in values]
        return {name: values for name, values in data.items() if values}


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def words(element: Element) -> str:
    """What a reader sees of an element, one line a block, spaces collapsed."""
    parts: list[str] = []

    def collapse(text: str | None) -> str:  # a line break in the source is no line on the page
        return re.sub(r"\s+", " ", text or "")

    def walk(one: Element) -> None:
        if isinstance(one.tag, str) and one.tag not in UNSEEN:  # a comment's tag is a function
            edge = "\n" if one.tag in LINES else ""
            parts.extend((edge, collapse(one.text)))
            for child in one:
                walk(child)
                parts.append(collapse(child.tail))
            parts.append(edge)

    walk(element)
    lines = (re.sub(" +", " ", line).strip() for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


class Page:
    """A parsed page or fragment. Everything that a test asks of it is computed once, from the parsed tree."""

    def __init__(self, html: str, whole: bool = True):
        self.html, self.whole = html, whole
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        if whole:
            self.root: Element = parser.parse(html)
        else:
            first = re.match(r"(?:\s|<!--.*?-->)*<(\w+)", html, re.DOTALL)
            around = AROUND.get(first[1].lower() if first else "", "div")
            self.root = parser.parseFragment(html, container=around)
        self.errors = [
            f"{line}:{column} {PARSE_ERRORS.get(code, code) % data}"
            for (line, column), code, data in parser.errors
        ]
        self.elements = [one for one in self.root.iter() if isinstance(one.tag, str)]
        self.parents = {child: parent for parent in self.elements for child in parent}
        self.ids = Counter(one.get("id", "") for one in self.elements if one.get("id") is not None)
        bodies = self.all("body")
        self.text = words(bodies[0] if bodies else self.root)
        self.title = next((" ".join("".join(one.itertext()).split()) for one in self.all("title")), "")
        self.h1 = next((words(one) for one in self.all("h1")), "")
        self.links = self._links()
        self.forms = self._forms()

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        """Elements by name and attributes: `cls` for one class, `aria_live` for aria-live, and so on."""

        def fits(one: Element) -> bool:
            for name, value in attributes.items():
                if name == "cls":
                    if value not in one.get("class", "").split():
                        return False
                elif one.get(name.replace("_", "-")) != value:
                    return False
            return True

        return [one for one in self.elements if (not tags or local(one) in tags) and fits(one)]

    def one(self, *tags: str, **attributes: str) -> Element:
        """The only such element; anything else is a failure that says how many there are."""
        found = self.all(*tags, **attributes)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} elements {tags} {attributes}, expected one")
        return found[0]

    def form(self, action: str = "", id: str = "") -> Form:
        """The only form, or the one whose action begins so, or the one with this id."""
        found = [f for f in self.forms if f.action.startswith(action) and (not id or f.id == id)]
        if len(found) != 1:
            raise AssertionError(
                f"{len(found)} forms with action {action!r}, of {[f.action for f in self.forms]}"
            )
        return found[0]

    def link(self, text: str) -> str:
        """The address of the only link whose words contain `text`."""
        found = {one.url for one in self.links if one.tag == "a" and text in one.text}
        if len(found) != 1:
            raise AssertionError(f"{len(found)} links say {text!r}: {sorted(found)}")
        return found.pop()

    def above(self, element: Element) -> Iterator[Element]:
        """The elements around one, from the inside out."""
        while (parent := self.parents.get(element)) is not None:
            yield parent
            element = parent

    def _links(self) -> list[Link]:
        found = []
        for one in self.elements:
            tag = local(one)
            for kind in ADDRESSES:
                if (url := one.get(kind)) is not None:
                    text = self._name(one) if tag == "a" else ""
                    found.append(Link(url.strip(), kind.rpartition("}")[2], tag, text))
        return found

    def _forms(self) -> list[Form]:
        forms = {}
        for one in self.all("form"):
            method = one.get("method", "get").lower()
            enctype = one.get("enctype", "application/x-www-form-urlencoded")
            forms[one] = Form(one.get("action", ""), method, enctype, one.get("id", ""), one)
        by_id = {form.id: form for form in forms.values() if form.id}
        for one in self.all("input", "select", "textarea", "button"):
            around = next((forms[up] for up in self.above(one) if up in forms), None)
            form = by_id.get(one.get("form", "")) if one.get("form") is not None else around
            if form is not None and not self._disabled(one):
                _add_field(form, one)
        return list(forms.values())

    def _disabled(self, one: Element) -> bool:
        return one.get("disabled") is not None or any(
            up.tag == "fieldset" and up.get("disabled") is not None for up in self.above(one)
        )

    # --- faults

    def faults(self) -> list[str]:
        """All that is wrong with the page, each as a sentence; an empty list is a good page."""
        found = [*self.errors, *self._outline(), *self._scripts(), *self._labels(), *self._references()]
        found += [f"id {id_!r} stands {n} times" for id_, n in self.ids.items() if n > 1]
        found += [f"id {id_!r} is empty or has a space" for id_ in self.ids if len(id_.split()) != 1]
        found += [f"the page prints {rest!r}" for rest in LEFTOVERS if rest in self.text]
        return list(dict.fromkeys(found))

    def _outline(self) -> Iterator[str]:
        heads = self.all("h1")
        if self.whole:
            if len(heads) != 1:
                yield f"{len(heads)} h1, expected one"
            if not self.title:
                yield "no title"
            if not self.root.get("lang"):
                yield "no language on <html>"
        else:
            # htmx swaps by the root's id; what is swapped elsewhere stands beside it
            roots = [one for one in self.root if local(one) != "title" and one.get("hx-swap-oob") is None]
            if len(roots) != 1 or not roots[0].get("id"):
                yield f"{len(roots)} root elements, expected one with an id"
            if len(heads) > 1:
                yield f"{len(heads)} h1 in a fragment"
        for head in self.all(*HEADING_LEVELS):
            if not self._name(head):
                yield f"an empty {head.tag}"

    def _scripts(self) -> Iterator[str]:
        for one in self.elements:
            tag = local(one)
            if tag == "script" and one.get("src") is None and one.get("type") not in DATA_SCRIPTS:
                yield "an inline script"
            if tag == "style":
                yield "an inline style sheet"
            for name, value in one.attrib.items():
                if name == "style":
                    yield f"a style attribute on <{tag}>"
                if name.startswith(("on", "hx-on")):
                    yield f"a handler {name} on <{tag}>"
                if value.strip().lower().startswith(("javascript:", "js:")):
                    yield f"a script in {name} of <{tag}>"
            yield from self._htmx(one)

    def _htmx(self, one: Element) -> Iterator[str]:
        """Every link and form of htmx works without it too, and at the same address."""
        own = one.get("action" if one.tag == "form" else "href")
        for verb in VERBS:
            if (url := one.get(verb)) is None or one.tag not in ("a", "form", "button"):
                continue
            if one.tag == "button":
                if one.get("formaction") is None and not any(up.tag == "form" for up in self.above(one)):
                    yield f"a button with {verb}={url!r} outside a form does nothing without JavaScript"
            elif own is None:
                yield f"<{one.tag}> with {verb}={url!r} does nothing without JavaScript"
            elif urlsplit(own).path != urlsplit(url).path:
                yield f"<{one.tag}> goes to {own!r}, but with htmx to {url!r}"

    def _labels(self) -> Iterator[str]:
        labelled = {one.get("for") for one in self.all("label") if words(one)}
        for one in self.all("input", "select", "textarea"):
            if one.get("type", "text").lower() in UNLABELLED:
                continue
            around = [up for up in self.above(one) if up.tag == "label"]
            if one.get("id") not in labelled and not self._aria(one) and not any(words(up) for up in around):
                yield f"<{one.tag} name={one.get('name')!r}> has no label"
            if one.get("type") == "radio" and not self._grouped(one):
                yield f"radio {one.get('name')!r} has no fieldset with a legend around it"
        for one in self.all("button", "a"):
            if not self._name(one) and (one.tag == "button" or one.get("href") is not None):
                yield f"<{one.tag} {one.get('href') or one.get('name') or ''}> has no words"
        yield from (f"img {one.get('src')!r} has no alt" for one in self.all("img") if one.get("alt") is None)
        yield from ("an empty legend" for one in self.all("legend") if not words(one))

    def _aria(self, one: Element) -> str:
        return (one.get("aria-label") or one.get("aria-labelledby") or "").strip()

    def _name(self, one: Element) -> str:
        """What a screen reader calls a link, button or heading; enough to tell whether it has a name."""
        inside = (self._aria(sub) or sub.get("alt") or "" for sub in one.iter() if isinstance(sub.tag, str))
        titles = ("".join(sub.itertext()) for sub in one.iter(f"{SVG}title"))
        return (words(one) or "".join(inside) or "".join(titles)).strip()

    def _grouped(self, one: Element) -> bool:
        return any(
            (up.tag == "fieldset" and any(child.tag == "legend" for child in up))
            or (up.get("role") in ("radiogroup", "group") and self._aria(up))
            for up in self.above(one)
        )

    def _references(self) -> Iterator[str]:
        if not self.whole:  # what a fragment refers to may stand on the page that takes it
            return
        for one in self.elements:
            for name in REFERENCES:
                for id_ in (one.get(name) or "").split():
                    if id_ not in self.ids:
                        yield f"{name}={id_!r} of <{local(one)}> names nothing"
            for name in ("href", "hx-target"):
                value = one.get(name) or ""
                if value.startswith("#") and value[1:] not in self.ids:
                    yield f"{name}={value!r} of <{local(one)}> leads nowhere"


def _add_field(form: Form, one: Element) -> None:
    name, type_, value = one.get("name", ""), one.get("type", "text").lower(), one.get("value", "")
    if one.tag == "button" or type_ in ("submit", "image", "reset", "button"):
        if one.get("type", "submit").lower() in ("submit", "image"):
            form.buttons.append((name, value, words(one) or value))
        return
    if not name:
        return
    chosen = form.fields.setdefault(name, [])
    offered = form.choices.setdefault(name, [])
    if one.tag == "select":
        options = [sub for sub in one.iter("option") if sub.get("disabled") is None]
        values = {sub: sub.get("value", "".join(sub.itertext()).strip()) for sub in options}
        offered += values.values()
        picked = [values[sub] for sub in options if sub.get("selected") is not None]
        # a browser takes the first option of a drop-down list when none is marked
        chosen += picked or ([] if one.get("multiple") is not None else list(values.values())[:1])
    elif type_ in ("checkbox", "radio"):
        offered.append(one.get("value", "on"))
        if one.get("checked") is not None:
            chosen.append(one.get("value", "on"))
    elif one.tag == "textarea":
        chosen.append("".join(one.itertext()).removeprefix("\n"))
    elif type_ != "file":
        chosen.append(value)


def read(html: str | bytes, *, whole: bool = True, where: str = "") -> Page:
    """Parses an answer and raises BadPage with all its faults; `whole=False` reads a fragment for htmx."""
    page = Page(html.decode("utf-8") if isinstance(html, bytes) else html, whole)
    if faults := page.faults():
        raise BadPage("\n  ".join([f"{where or 'page'}: {len(faults)} faults", *faults]))
    return page
