"""Deliveries of a county: those of a made-up borough many times over, each time under fresh pseudonyms, tokens, blocks
and encodings; validly sealed and signed. What is the same within a borough (a household's address, an event's person,
a person at two partners) is the same within each copy, and different between copies.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.contracts import Contract
from pipeline.installation import seal_and_deliver
from pipeline.manifest import MANIFEST_FILE, file_sha256
from pipeline.partner.draft import SUMMARY_FILE, Draft, draft_file
from pipeline.settings import Settings

PARTNERS = ("council", "dwp", "police", "schools")
PEOPLE, RESIDENCES, EVENTS = 1_410_000, 2_000_000, 3_000_000
DATED = ("events", "attendance", "enrolments")  # each of their rows is an event
CHANGED = 0.01
BASE = 60_000
REFERENCE_BYTES = 16
SEED = 2014


@dataclass
class Part:
    """One partner's share: how often its borough's draft is repeated, and rows added to reach the county's numbers."""

    draft: Path
    plain: dict[str, pa.Table]
    encodings: pa.Table
    more: dict[str, float] = field(default_factory=dict)  # rows to add, as a share of the table's


def make_borough(home: Path, wholefamily: list[str]) -> None:
    """A made-up borough, pseudonymised by the kit: drafts in each partner's outbox."""
    where, period = ["--home", str(home)], ["--from", "2011-08-01", "--to", "2014-07-31"]
    commands = [["synthesise", "--population", str(BASE), "--out", str(home)], ["keys", "all", *where]]
    commands += [["pseudonymise", name, str(home / "raw" / name), *period, *where] for name in PARTNERS]
    for command in commands:
        subprocess.run([*wholefamily, *command], check=True, stdout=sys.stderr)


def read_parts(settings: Settings, share: float) -> tuple[dict[str, Part], int]:
    """The borough's drafts, and how often they stand in a county (or in a share of one)."""
    parts = {}
    for name in PARTNERS:
        draft = settings.outbox(name) / "borough"
        if not draft.exists():
            shutil.move(settings.outbox(name) / "draft", draft)
        plain = {path.stem: _read(path) for path in sorted(draft.glob("*.csv"))}
        parts[name] = Part(draft, plain, pq.read_table(draft / "encodings.parquet"))
    rows = {
        name: sum(len(part.plain[name]) for part in parts.values() if name in part.plain) for name in _tables(parts)
    }
    copies = max(1, round(share * PEOPLE / rows["people"]))
    dated = sum(rows[name] for name in DATED)
    for part in parts.values():
        part.more = {
            "residences": max(0.0, share * RESIDENCES / copies / rows["residences"] - 1),
            "events": max(0.0, (share * EVENTS / copies - dated) / rows["events"]),
        }
    return parts, copies


def _tables(parts: dict[str, Part]) -> set[str]:
    return {name for part in parts.values() for name in part.plain}


def deliver_county(settings: Settings, contract: Contract, part: Part, copies: int, *, delta: bool) -> dict[str, int]:
    """Write the partner's draft, seal and deliver it; returns rows by table. `delta`: one person in a hundred, with
    whoever is related to them, under other encodings of their names."""
    outbox = settings.outbox(contract.partner)
    draft = outbox / "draft"
    draft.mkdir(mode=0o700)
    households = _households(part)
    masks = np.random.default_rng([SEED, PARTNERS.index(contract.partner)])
    chosen = [
        _chosen(part, households, masks) if delta else np.ones(len(part.plain["people"]), dtype=bool)
        for _ in range(copies)
    ]
    files = []
    for name, table in part.plain.items():
        pieces = (_copy(part, name, table, copy, chosen[copy]) for copy in range(copies))
        files.append(_write_csv(draft / f"{name}.csv", name, pieces))
    if delta:
        (draft / "removals.csv").write_text("person_ref\n", encoding="ascii")
        files.append(("removals", draft / "removals.csv", 0))
    encodings = draft / "encodings.parquet"
    files.append(("encodings", encodings, _write_encodings(encodings, part, copies, chosen, changed=delta)))
    summary = Draft.model_validate_json((part.draft / SUMMARY_FILE).read_bytes())
    base = None
    if delta:
        (sent,) = (outbox / "sent").glob(f"{contract.partner}-000001-*")
        base = file_sha256(sent / MANIFEST_FILE)
    stated = {
        "draft_id": secrets.token_hex(4),
        "kind": "delta" if delta else "full",
        "base_manifest_sha256": base,
        "files": tuple(draft_file(name, path, rows) for name, path, rows in files),
    }
    (draft / SUMMARY_FILE).write_text(summary.model_copy(update=stated).model_dump_json(), encoding="utf-8")
    seal_and_deliver(settings, contract)
    return {name: rows for name, _, rows in files}


def _read(path: Path) -> pa.Table:
    names = path.open(encoding="utf-8").readline().strip().replace('"', "").split(",")
    text = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )  # fmt: skip
    return pa_csv.read_csv(path, convert_options=text).combine_chunks()


def _households(part: Part) -> np.ndarray:
    """Per person of the borough, the number of the group whose members refer to each other."""
    people = part.plain["people"]["person_ref"].to_pylist()
    if "relationships" not in part.plain:
        return np.arange(len(people))
    place = {reference: number for number, reference in enumerate(people)}
    ties = part.plain["relationships"]
    pairs = [
        (place[one], place[other])
        for one, other in zip(ties["person_ref"].to_pylist(), ties["related_person_ref"].to_pylist(), strict=True)
        if one in place and other in place
    ]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    ones = np.ones(len(rows), dtype=np.int8)
    return connected_components(coo_matrix((ones, (rows, columns)), shape=(len(people),) * 2), directed=False)[1]


def _chosen(part: Part, households: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    return (chance.random(households.max() + 1) < CHANGED)[households]


def _mask(copy: int, what: int, width: int) -> np.ndarray:
    return np.random.default_rng([SEED, copy, what]).integers(0, 256, width, dtype=np.uint8)


def _copy(part: Part, name: str, table: pa.Table, copy: int, chosen: np.ndarray) -> pa.Table:
    whole = len(table)
    if not chosen.all():
        people = part.plain["people"]["person_ref"].combine_chunks().filter(pa.array(chosen))
        table = table.filter(pa.compute.is_in(table["person_ref"], value_set=people))
    more = table.slice(0, round(part.more.get(name, 0.0) * len(table)))
    first = _under(table, copy, 0).set_column(0, "row", _rows(table, copy, whole))
    if not len(more):
        return first
    again = _under(more, copy, 1, lambda column: column not in ("person_ref", "related_person_ref"))
    again = _under(again, copy, 0, lambda column: column in ("person_ref", "related_person_ref"))
    if name == "residences":
        again = again.set_column(again.schema.get_field_index("start_date"), "start_date", _all("1990-01-01", more))
        again = again.set_column(again.schema.get_field_index("end_date"), "end_date", _all("1999-12-31", more))
    return pa.concat_tables([first, again.set_column(0, "row", _rows(more, copy + 1000, whole))])


def _all(value: str, rows: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(value), len(rows))


def _rows(table: pa.Table, copy: int, whole: int) -> pa.Array:
    return pa.compute.add(table["row"].cast(pa.int64()), copy * (whole + 1))


def _under(table: pa.Table, copy: int, what: int, which: Callable[[str], bool] = lambda column: True) -> pa.Table:
    """The table with its references and tokens under the copy's mask."""
    for place, column in enumerate(table.column_names):
        if column.endswith(("_ref", "_token")) and which(column):
            table = table.set_column(place, column, _hex_under(table[column], _mask(copy, what, REFERENCE_BYTES)))
    return table


def _hex_under(cells: pa.ChunkedArray, mask: np.ndarray) -> pa.Array:
    whole = cells.combine_chunks()
    valid = pa.compute.is_valid(whole)
    joined = bytes.fromhex("".join(pa.compute.fill_null(whole, "0" * 32).to_pylist()))
    under = (np.frombuffer(joined, np.uint8).reshape(-1, REFERENCE_BYTES) ^ mask).tobytes().hex().encode()
    offsets = np.arange(len(whole) + 1, dtype=np.int32) * 32
    text = pa.StringArray.from_buffers(len(whole), pa.py_buffer(offsets.tobytes()), pa.py_buffer(under))
    return pa.compute.if_else(valid, text, pa.scalar(None, pa.string()))


def _write_csv(path: Path, name: str, pieces: Iterable[pa.Table]) -> tuple[str, Path, int]:
    rows = 0
    with path.open("wb") as handle:
        for number, piece in enumerate(pieces):
            pa_csv.write_csv(piece, handle, pa_csv.WriteOptions(include_header=number == 0))
            rows += len(piece)
    return name, path, rows


def _write_encodings(path: Path, part: Part, copies: int, chosen: list[np.ndarray], *, changed: bool) -> int:
    rows = 0
    with pq.ParquetWriter(path, part.encodings.schema, compression="zstd") as writer:
        for piece in _encodings(part, copies, chosen, changed=changed):
            writer.write_table(piece)
            rows += len(piece)
    return rows


def _encodings(part: Part, copies: int, chosen: list[np.ndarray], *, changed: bool) -> Iterator[pa.Table]:
    numbers = part.plain["people"]["row"].cast(pa.int64()).to_numpy()
    people = len(numbers)
    for copy in range(copies):
        table = part.encodings
        if not chosen[copy].all():
            table = table.filter(
                pa.compute.is_in(table["row"].cast(pa.int64()), value_set=pa.array(numbers[chosen[copy]]))
            )
        table = table.set_column(0, "row", _rows(table, copy, people).cast(pa.int32()))
        for place, column in enumerate(table.column_names):
            if pa.types.is_fixed_size_binary(table.schema.field(column).type):
                width = table.schema.field(column).type.byte_width
                what = 0 if column == "person_ref" else (2 if changed else 0) + 3 * (column != "block")
                table = table.set_column(place, column, _bytes_under(table[column], _mask(copy, what, width)))
        yield table.cast(part.encodings.schema)


def _bytes_under(cells: pa.ChunkedArray, mask: np.ndarray) -> pa.Array:
    whole = cells.combine_chunks()
    width = whole.type.byte_width
    filled = pa.compute.fill_null(whole, pa.scalar(bytes(width), whole.type))
    content = np.frombuffer(filled.buffers()[1], np.uint8)[whole.offset * width :][: len(whole) * width]
    under = pa.FixedSizeBinaryArray.from_buffers(
        whole.type, len(whole), [None, pa.py_buffer((content.reshape(-1, width) ^ mask).tobytes())]
    )
    return pa.compute.if_else(pa.compute.is_valid(whole), under, pa.scalar(None, whole.type))
