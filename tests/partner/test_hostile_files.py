"""Whatever stands in a file, the kit reads it or refuses it: no other error, no row lost, no value shown."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ExtractError
from pipeline.partner.check import CheckedTable, check_extract, check_table
from pipeline.partner.minimise import delivered_table
from pipeline.partner.people import people_of
from pipeline.partner.read_extract import read_extract
from tests.partner.kit import CONTRACTS, VOCABULARY, council_extract, partner_keys, write_extract

COUNCIL = CONTRACTS["council"]
TABLES = ("people", "residences", "relationships", "events", "nominations")
SPLICES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"\0", b'"', b'""', b",", b"\n", b"\r", b"\xef\xbb\xbf", b"\xff\xfe", b"=cmd|' /C calc'!A0", b"x" * 70000]
    ),
)
cells = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["9999-12-31", "0000-00-00", "2013-02-30", "١٢٣", "1e400", "-0", "NaN", "٢٠١٣-٠١-٠١", "\u2028", "\x1f", "ﬃ"]
    ),
)  # fmt: skip


def tried(raw: Path) -> tuple[dict[str, CheckedTable], str]:
    """The checked tables, or none and what the refusal says."""
    try:
        return check_extract(COUNCIL, read_extract(COUNCIL, raw), VOCABULARY), ""
    except ExtractError as error:
        return {}, str(error)


@settings(max_examples=150)
@given(st.sampled_from(TABLES), st.integers(0, 2**20), st.integers(0, 30), SPLICES)
def test_a_spliced_file_is_read_or_refused(table: str, at: int, length: int, splice: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = write_extract(council_extract(12), Path(folder))
        path = raw / f"{table}.csv"
        content = path.read_bytes()
        at %= len(content)
        path.write_bytes(content[:at] + splice + content[at + length :])
        found, said = tried(raw)
        assert "Quillfeather" not in said
        assert "CASE-" not in said
        if found:
            people_of(found)
        for each_table in found.values():
            delivered_table(each_table, partner_keys(), 1)


@settings(max_examples=150)
@given(st.sampled_from(TABLES), st.data())
def test_any_cells_at_all_keep_every_row(table: str, data: st.DataObject) -> None:
    tables = council_extract(6)
    width = len(tables[table][0])
    strange = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=4))
    kept = [row for row in strange if any(cell.strip("\r\n \t") for cell in row)]
    tables[table] += kept
    with tempfile.TemporaryDirectory() as folder:
        raw = write_extract(tables, Path(folder))
        try:
            extract = read_extract(COUNCIL, raw)
        except ExtractError:
            return  # a zero byte, or a cell of very many lines
        found = check_table(extract[table], extract, VOCABULARY)
        assert len(found.lines) == len(tables[table]) - 1
        delivered = delivered_table(found, partner_keys(), 1)
        assert delivered.num_rows == len(tables[table]) - 1
        allowed = {column.name: column.allowed for column in found.table.columns if column.allowed}
        for name, values in allowed.items():
            assert set(delivered[name].to_pylist()) <= {None, *values}
