"""Look for somebody everywhere at the hub: every column of every table, and every file, opened where it is packed.

The proof of an erasure: it knows nothing of how an erasure is made. Pseudonyms are sought as text and as bytes; ids,
where they are given, as whole words in tables and in files of text.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline.errors import KeyMaterialError
from pipeline.rights.remove import sees_all
from pipeline.settings import Settings

Connection = psycopg.Connection[Any]
TABLES = """
    select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and not c.relispartition
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    order by 1, 2
"""
TEXT = (".html", ".svg", ".json", ".jsonl", ".csv", ".txt", ".md", ".log", ".yaml")
NOT_FILES = ("postgres",)  # the embedded server's own: its tables are looked at as tables


@dataclass(frozen=True)
class Sought:
    """Whom to look for: pseudonyms (16 bytes), and ids that are no other number (of persons and records)."""

    references: frozenset[bytes]
    ids: frozenset[int] = frozenset()

    def words(self) -> list[str]:
        """As text."""
        return [one.hex() for one in sorted(self.references)] + [str(one) for one in sorted(self.ids)]


@dataclass(frozen=True)
class Hit:
    """Where something was found: a table or a file (and what of it), and how many rows or times."""

    where: str
    times: int


def scan_tables(connection: Connection, sought: Sought) -> list[Hit]:
    """Every table of ours, as the owner: rows whose text, in any column, holds what is sought."""
    sees_all(connection)
    pattern = f"(^|[^0-9a-zA-Z]|x)({'|'.join(sought.words())})($|[^0-9a-zA-Z])"
    hits = []
    for schema, table in connection.execute(TABLES).fetchall():
        row = connection.execute(
            sql.SQL("select count(*) from {} t where t::text ~ %s").format(sql.Identifier(schema, table)), (pattern,)
        ).fetchone()
        assert row is not None
        if row[0]:
            hits.append(Hit(f"{schema}.{table}", int(row[0])))
    return hits


def scan_files(settings: Settings, sought: Sought) -> list[Hit]:
    """Every file of the hub but the embedded server's own: sealed deliveries are opened, packed files unpacked."""
    identity = _identity(settings)
    hits = []
    for path in sorted(settings.hub.rglob("*")):
        inside = path.relative_to(settings.hub)
        if not path.is_file() or path.is_symlink() or inside.parts[0] in NOT_FILES:
            continue
        times = sum(_times(content, sought, text) for content, text in _contents(path, identity))
        if times:
            hits.append(Hit(f"hub/{inside}", times))
    return hits


def _contents(path: Path, identity: Any) -> Iterator[tuple[bytes, bool]]:
    """What is in a file, as it is and unpacked; and whether it is text."""
    raw = path.read_bytes()
    yield raw, path.suffix in TEXT
    name = path.name
    if name.endswith(".age") and identity is not None:
        import pyrage

        try:
            raw = pyrage.decrypt(raw, [identity])
        except pyrage.DecryptError:
            return
        name = name.removesuffix(".age")
        yield raw, name.endswith(TEXT)
    if name.endswith(".gz"):
        yield gzip.decompress(raw), True
    elif name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            for inner in packed.namelist():
                yield packed.read(inner), True
    elif name.endswith(".parquet"):
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(raw))
        for column in table.columns:
            told = [one.hex() if isinstance(one, bytes) else one for one in column.to_pylist()]
            yield json.dumps(told, default=str).encode(), True


def _times(content: bytes, sought: Sought, text: bool) -> int:
    found = sum(content.count(one) + content.lower().count(one.hex().encode()) for one in sought.references)
    if text and sought.ids:
        words = "|".join(str(one) for one in sorted(sought.ids))
        found += len(re.findall(rf"(?<![0-9A-Za-z])(?:{words})(?![0-9A-Za-z])".encode(), content))
    return found


def _identity(settings: Settings) -> Any:
    from pyrage import IdentityError, x25519

    path = settings.hub_keys / "hub.identity"
    try:
        return x25519.Identity.from_str(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except (IdentityError, ValueError):
        raise KeyMaterialError(
            where=str(path), rule="this is not a readable age identity.", remedy="restore it from the key backup."
        ) from None
