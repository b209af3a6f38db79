"""Read opened files as tables of text, exactly as the contract says, or refuse them. No row is judged here.

Errors name the file, the rule and line numbers; never what stands in a line, nor a header that is not the
contract's: where the header line is missing, the first line is a person.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.contracts import Encoding, Table
from pipeline.ingest.landing import Landed
from pipeline.manifest import SealedFile
from pipeline.records import PEOPLE, ROW

LARGEST_HEADER = 1 << 16
PIECE = 1 << 22
MOST_ENCODINGS = 50  # of one person in one pass, over a whole delivery: homes in three years are a handful
# Encodings look random, so packing them gains next to nothing (1.02 measured): a file that unpacks to many times its
# size holds something else. Some room for files of few rows.
UNPACKS_TO, UNPACKS_ANYWAY = 4, 4 << 20
BATCH = 1 << 18
PSEUDONYM_BYTES, DATE_BYTES = 16, 6
REMOVALS_HEADER, REFERENCE = b"person_ref", re.compile(rb"[0-9a-f]{32}")
DELIVER_AGAIN = "mend the extract or the kit, and deliver again."


def read_table(landed: Landed, file: SealedFile, path: Path, table: Table, *, may_be_empty: bool = False) -> pa.Table:
    """A delivered table as text: `row` int64, every other column string, empty as null.

    `may_be_empty`: of a delta, in which nobody need have changed.

    Raises DeliveryError: `empty_file`, `not_utf8`, `missing_column`, `unknown_column`, `bad_csv`, `truncated`,
    `no_rows`, `bad_row_numbers`.
    """
    if path.stat().st_size == 0:
        raise landed.refusal("empty_file", "the file is empty: it has not even a header.", DELIVER_AGAIN, file.name)
    _check_text(landed, file, path)
    header = table.delivered_header()
    _check_header(landed, file, path, header)
    content = _read_csv(landed, file, path, header)
    if content.num_rows != file.rows:
        raise landed.refusal(
            "truncated",
            f"it has {content.num_rows} rows where its manifest says {file.rows}.",
            "pseudonymise and deliver again.",
            file.name,
        )
    if table.name == PEOPLE and content.num_rows == 0 and not may_be_empty:
        raise landed.refusal(
            "no_rows",
            "the table of people has no rows.",
            "check the extract; an empty one is not taken in.",
            file.name,
        )
    return _with_row_numbers(landed, file, content)


def read_removals(landed: Landed, file: SealedFile, path: Path) -> pa.Table:
    """Who is gone, of a delta: `row` int64 (the line in the file) and `person_ref`, 16 bytes.

    Raises DeliveryError `bad_removals`.
    """
    lines = path.read_bytes().split(b"\n")
    header, references = lines[0], lines[1:-1]
    fits = header == REMOVALS_HEADER and lines[-1] == b"" and all(map(REFERENCE.fullmatch, references))
    if not fits or len(references) != file.rows or len(set(references)) != len(references):
        raise landed.refusal(
            "bad_removals",
            "it is not a list of references (32 hexadecimal digits each, once) of the length that its manifest says.",
            DELIVER_AGAIN,
            file.name,
        )
    refs = pa.array([bytes.fromhex(reference.decode()) for reference in references], pa.binary(PSEUDONYM_BYTES))
    return pa.table({ROW: pa.array(range(2, len(references) + 2), pa.int64()), "person_ref": refs})


def open_encodings(landed: Landed, file: SealedFile, path: Path, encoding: Encoding, people: int) -> pq.ParquetFile:
    """The encodings, once their form is that of the hub's encoding; nothing of them is unpacked yet.

    Columns: row int32 · person_ref 16 bytes · pass · block 16 bytes · a filter per field · date_parts 6 bytes.
    `people`: rows of people delivered. Raises DeliveryError `encoding_schema`, `truncated`, or `too_large`: a packed
    file may be small and say of itself that it is not.
    """
    if path.stat().st_size == 0:
        raise landed.refusal("empty_file", "the file is empty.", DELIVER_AGAIN, file.name)
    try:
        parquet = pq.ParquetFile(path, read_dictionary=["pass"])
        found = {field.name: field.type for field in parquet.schema_arrow}
        rows = parquet.metadata.num_rows
    except (pa.ArrowException, OSError):
        found, rows = {}, 0
    text = found.get("pass")
    if isinstance(text, pa.DictionaryType):
        found["pass"] = text.value_type
    if found != _encoding_types(encoding):
        raise landed.refusal(
            "encoding_schema",
            f"this is not a table of encodings of version {encoding.version}.",
            "give partner and hub the same schemas/linkage and kit, and deliver again.",
            file.name,
        )
    if rows != file.rows:
        raise landed.refusal(
            "truncated", f"it has {rows} rows where its manifest says {file.rows}.", "deliver again.", file.name
        )
    if rows > MOST_ENCODINGS * len(encoding.passes) * people:
        raise landed.refusal(
            "too_large",
            f"it has more than {MOST_ENCODINGS} encodings a person and pass.",
            "look for one person with hundreds of homes in the extract, mend it, and deliver again.",
            file.name,
        )
    return parquet


def read_encodings(
    landed: Landed, file: SealedFile, parquet: pq.ParquetFile, encoding: Encoding, people: pa.Table, delivered: pa.Array
) -> pa.Table:
    """The encodings of the people loaded: those of quarantined people go with them.

    `people` holds the loaded rows (row int64, person_ref 16 bytes); `delivered` is the row numbers of all that came.
    Raises DeliveryError `encoding_schema` when a pass is not of the encoding or a key of a row is missing, and
    `encoding_without_person` when an encoding hangs on no delivered row, or on another person than its row says.
    """
    names = pa.array([entry.name for entry in encoding.passes])
    numbers, persons = people[ROW].combine_chunks(), people["person_ref"].combine_chunks()
    schema = pa.schema(_encoding_types(encoding))
    pieces: list[pa.Table] = []
    for batch in _unpacked(landed, file, parquet):
        if not pc.all(pc.is_in(batch["pass"].dictionary, value_set=names), min_count=0).as_py():
            raise landed.refusal(
                "encoding_schema",
                f"it has blocking passes that encoding {encoding.version} of the hub does not declare.",
                "give partner and hub the same schemas/linkage, pseudonymise and deliver again.",
                file.name,
            )
        rows = batch[ROW].cast(pa.int64())
        came = pc.all(pc.is_in(rows, value_set=delivered), min_count=0).as_py()
        position = pc.index_in(rows, value_set=numbers)
        loaded = pc.is_valid(position)
        kept, position = batch.filter(loaded), position.filter(loaded)
        stated = pc.index_in(kept["person_ref"], value_set=persons)
        if not came or not pc.all(pc.fill_null(pc.equal(stated, position), False), min_count=0).as_py():
            raise landed.refusal(
                "encoding_without_person", "an encoding belongs to no row of people.", DELIVER_AGAIN, file.name
            )
        pieces.append(pa.Table.from_batches([kept]).select(schema.names).cast(schema))
    return pa.concat_tables(pieces) if pieces else schema.empty_table()


def _unpacked(landed: Landed, file: SealedFile, parquet: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """The rows piece by piece; it stops as soon as the file unpacks to more than encodings would."""
    most = max(UNPACKS_TO * file.bytes, UNPACKS_ANYWAY)
    pieces = parquet.iter_batches(BATCH)
    while True:
        try:
            batch = next(pieces, None)
        except (pa.ArrowException, OSError):
            batch = pa.RecordBatch.from_pydict({ROW: [None]})
        if batch is None:
            return
        if any(batch[name].null_count for name in (ROW, "person_ref", "pass", "block") if name in batch.schema.names):
            raise landed.refusal(
                "encoding_schema",
                "it cannot be read, or a row lacks its person, pass or block.",
                DELIVER_AGAIN,
                file.name,
            )
        most -= batch.nbytes
        if most < 0:
            raise landed.refusal(
                "too_large",
                f"it unpacks to more than {UNPACKS_TO} times its size: encodings never do.",
                "do not open it; ask the partner, by telephone, what was sent.",
                file.name,
            )
        yield batch


def _encoding_types(encoding: Encoding) -> dict[str, pa.DataType]:
    return {
        ROW: pa.int32(),
        "person_ref": pa.binary(PSEUDONYM_BYTES),
        "pass": pa.string(),
        "block": pa.binary(PSEUDONYM_BYTES),
        **{field: pa.binary(encoding.name_bytes) for field in encoding.fields},
        "date_parts": pa.binary(DATE_BYTES),
    }


def _check_text(landed: Landed, file: SealedFile, path: Path) -> None:
    decoder, line, piece = codecs.getincrementaldecoder("utf-8")("strict"), 1, b"."
    with path.open("rb") as handle:
        while piece:
            piece = handle.read(PIECE)
            try:
                clean = "\0" not in decoder.decode(piece, final=not piece)
            except UnicodeDecodeError:
                clean = False
            if not clean:
                raise landed.refusal(
                    "not_utf8",
                    f"it is not text in UTF-8, somewhere after line {line}.",
                    "deliver what the kit wrote; nothing may rewrite its files in another encoding.",
                    file.name,
                )
            line += piece.count(b"\n")


def _check_header(landed: Landed, file: SealedFile, path: Path, header: tuple[str, ...]) -> None:
    with path.open("rb") as handle:
        first = handle.readline(LARGEST_HEADER).decode("utf-8", errors="replace")
    names = next(csv.reader(io.StringIO(first, newline="")), [])
    missing = [name for name in header if name not in names]
    if missing:
        raise landed.refusal(
            "missing_column",
            f"line 1 must be the contract's header; not in it: {', '.join(missing)}.",
            "deliver with the kit, under the same contract as the hub.",
            file.name,
        )
    if tuple(names) != header:
        place = next((n for n, name in enumerate(names, start=1) if name not in header), None)
        rule = "its columns stand in another order." if place is None else f"its column {place} is not in the contract."
        raise landed.refusal("unknown_column", rule, "deliver the contract's columns only, in its order.", file.name)


def _read_csv(landed: Landed, file: SealedFile, path: Path, header: tuple[str, ...]) -> pa.Table:
    broken_lines: list[int] = []

    def note(line: pa_csv.InvalidRow) -> str:
        broken_lines.append(line.number or 0)
        return "skip"

    def refuse() -> NoReturn:
        raise landed.refusal("bad_csv", "a line has another number of columns.", DELIVER_AGAIN, file.name)

    try:
        content = pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=list(header),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, OSError):
        refuse()
    if broken_lines:
        refuse()
    return content


def _with_row_numbers(landed: Landed, file: SealedFile, content: pa.Table) -> pa.Table:
    text = content[ROW]
    right = pc.all(pc.fill_null(pc.match_substring_regex(text, r"^[1-9][0-9]{0,9}$"), False), min_count=0).as_py()
    rows = text.cast(pa.int64()) if right else None
    if rows is None or pc.count_distinct(rows).as_py() != len(rows) or (len(rows) and pc.min(rows).as_py() < 2):
        raise landed.refusal(
            "bad_row_numbers",
            "its row numbers are not the line numbers of an extract (2 and up, each once).",
            "deliver what the kit wrote, unchanged.",
            file.name,
        )
    return content.set_column(content.schema.get_field_index(ROW), ROW, rows)
