"""How the rows of a batch are shown (导入预览): in words, numbers of people masked, changes cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blueprints.web import guard
from blueprints.web.import_sheets import COLUMNS
from models.batches import Batch, RowAction
from models.employee_facts import DOCUMENT_KINDS
from models.masks import mask_id, mask_mobile
from models.policy.schema import WorkerKind
from models.sizes import Sector

MASKS = {"mobile": mask_mobile, "phone": mask_mobile, "document": mask_id}
WORDS: dict[str, dict[str, str]] = {
    "document_kind": DOCUMENT_KINDS,
    "kind": {kind.value: kind.label for kind in WorkerKind},
    "sector": {sector.value: sector.label for sector in Sector},
}
LONGEST = 60
KINDS = {
    RowAction.NEW: "act", RowAction.CHANGE: "warn", RowAction.SAME: "off", RowAction.ERROR: "no",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A row for the page. `cells`: (head, before, after, words); before is of changes alone, words of errors and doubts."""

    number: int
    kind: str
    action: str
    name: str
    cells: list[tuple[str, str, str, str]]
    kept: str


def shown(batch: Batch, row: dict[str, Any]) -> Shown:
    action = RowAction(row["action"])
    heads = {column.key: column.head for column in COLUMNS[batch.kind]}
    cells = row.get("cells") or row.get("raw") or {}
    before = row.get("before", {})
    said = row.get("errors", {}) | row.get("doubts", {})
    if action in (RowAction.NEW, RowAction.SAME):
        keys = [key for key in heads if key in cells and (action == RowAction.NEW or key in said)]
    elif action == RowAction.CHANGE:
        keys = [key for key in heads if cells.get(key) != before.get(key) or key in said]
    else:
        keys = [key for key in ("", *heads) if key in said]
    return Shown(
        number=row["number"],
        kind=KINDS[action],
        action=action.label,
        name=cells.get("name") or "没有填",
        cells=[
            (heads.get(key, ""), _cell(key, before.get(key, "")), _cell(key, cells.get(key, "")), said.get(key, ""))
            for key in keys
            if key != "name" or key in said or action == RowAction.CHANGE
        ],
        kept=row.get("kept", ""),
    )  # fmt: skip


def _cell(key: str, text: str) -> str:
    if key in MASKS and sum(sign.isdigit() for sign in text) >= 7:
        return MASKS[key](text)
    text = WORDS.get(key, {}).get(text, text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def must_be_workbook(batch: Batch) -> None:
    """Letters to many are a batch as well; their pages are elsewhere."""
    if batch.kind not in COLUMNS:
        guard.refuse(404, "import:handle", object_type="batch", object_id=str(batch.id))
