"""The partner's ledger of what was sent, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.partner.seal import Sent

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def sent_table(entries: Iterable[Sent]) -> RichTable:
    """One row per delivery, oldest first: number, id, kind, when it was sealed, rows by table."""
    from rich.table import Table

    table = Table("No", "Delivery", "Kind", "Sealed", "Rows", title="Sent", title_justify="left", show_edge=False)
    for entry in entries:
        rows = ", ".join(f"{name} {count:,}" for name, count in sorted(entry.rows.items()))
        table.add_row(str(entry.sequence), entry.delivery_id, entry.kind, entry.created_at, rows or "–")
    return table
