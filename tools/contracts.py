"""Import rules that import-linter does not bring along, named in pyproject.toml and held by `make lint`.

They list what is allowed, not what is forbidden, so that neither a new library nor a new area slips through.
"""

import sys
from collections.abc import Iterator

from importlinter import Contract, ContractCheck, fields, output

# a module, what it imports, and where it says so
Found = tuple[str, str, list[str]]


def imports(graph, module: str) -> Iterator[tuple[str, str]]:
    """Every direct import (importer, imported) in a module and all below it."""
    for importer in sorted({module, *graph.find_descendants(module)}):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            yield importer, imported


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


class _Listing(Contract):
    """A contract that is broken by a list of single imports."""

    def refused(self, graph) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def check(self, graph, verbose):
        found: list[Found] = []
        for importer, imported in self.refused(graph):
            details = graph.get_import_details(importer=importer, imported=imported)
            found.append(
                (importer, imported, [f"{one['line_number']}: {one['line_contents']}" for one in details])
            )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check):
        for importer, imported, lines in check.metadata["found"]:
            output.print_error(f"{importer} imports {imported}")
            for line in lines:
                output.print_error(f"    line {line}")
        output.new_line()


class Only(_Listing):
    """`module` and all below it import themselves, the standard library and `allowed`; nothing else.

    An exception is `importer -> imported`, and holds for the importer and all below it.
    """

    module = fields.StringField()
    allowed = fields.ListField(subfield=fields.StringField(), required=False)
    exceptions = fields.ListField(subfield=fields.StringField(), required=False)

    def refused(self, graph):
        allowed = [self.module, *(self.allowed or [])]
        exceptions = [tuple(part.strip() for part in one.split("->")) for one in self.exceptions or []]
        for importer, imported in imports(graph, self.module):
            if imported.partition(".")[0] in sys.stdlib_module_names:
                continue
            if any(inside(imported, one) for one in allowed):
                continue
            if any(inside(importer, who) and inside(imported, what) for who, what in exceptions):
                continue
            yield importer, imported


class Areas(_Listing):
    """The packages right under `module` are areas: none imports another, but each may import `shared`."""

    module = fields.StringField()
    shared = fields.StringField()

    def refused(self, graph):
        for area in sorted(graph.find_children(self.module)):
            for importer, imported in imports(graph, area):
                if (
                    inside(imported, self.module)
                    and not inside(imported, area)
                    and not inside(imported, self.shared)
                ):
                    yield importer, imported
