"""The generated documents and pages: complete, from the declarations, standing alone, and without a person's value."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from pipeline.contracts import load_agreements, load_contracts, load_vocabulary
from pipeline.holdings.catalogue import read_catalogue
from pipeline.holdings.documents import still_open
from pipeline.holdings.paper import Document, Heading, Links, Picture, Table, Text, as_html, as_markdown
from pipeline.settings import PROJECT
from tests.holdings.conftest import Hub, feed
from tests.whole_way.conftest import DOZEN, runner

NAMES = ("record-of-processing", "data-flow-and-fields", "transparency-record", "data-dictionary")


def test_one_command_writes_them_all(hub: Hub, tmp_path: Path) -> None:
    told = runner(hub.settings)("documents", "--out", tmp_path / "out").out
    written = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert set(written) == {f"{name}.{suffix}" for name in NAMES for suffix in ("md", "html")}
    contracts = load_contracts(PROJECT / "schemas", load_vocabulary(PROJECT / "schemas"))
    inventory, dictionary = written["data-flow-and-fields.md"], written["data-dictionary.md"]
    for partner, contract in contracts.items():
        for table in contract.tables:
            for column in table.columns:
                assert f"| {partner} | {table.name} | {column.name} |" in inventory
                assert f"| {column.name} | {column.type} |" in dictionary
    with hub.database.connect() as connection:
        catalogue = read_catalogue(connection)
    for name, relation in catalogue.relations.items():
        if relation.schema == "cohort":
            assert relation.comment, name
            for column, (_type, _required, comment) in relation.columns.items():
                assert comment, f"{name}.{column}"
                assert f"| {column} |" in dictionary
                assert comment.replace("|", "\\|").replace("<", "&lt;") in dictionary
    record = written["record-of-processing.md"]
    for agreement in load_agreements(PROJECT / "schemas"):
        for one in agreement.feeds.values():
            assert all(f"| {one.partner} | {purpose} |" in record for purpose in one.purposes)
    assert all(f"| {field} |" in written["transparency-record.md"] for field in ("Human review", "Appeals and review"))
    for text in still_open(hub.settings):
        assert text in told
    for name, text in written.items():
        if name.endswith(".html"):
            assert not re.search(r"(src|href)=\"?https?:|<script|@import", text), name
            assert "default-src 'none'" in text


def test_where_a_column_is_stored_is_in_the_inventory(hub: Hub, tmp_path: Path) -> None:
    runner(hub.settings)("documents", "--out", tmp_path / "out")
    rows = (tmp_path / "out" / "data-flow-and-fields.md").read_text().splitlines()
    (born,) = [row for row in rows if row.startswith("| schools | people | date_of_birth |")]
    assert "evidence.person_attribute.birth_month" in born
    assert "as year and month" in born
    assert "Children Act 2004 s.10" in born
    (middle,) = [row for row in rows if row.startswith("| schools | people | middle_names |")]
    assert middle.count(" – ") == 3
    assert "not at all" in middle


def test_the_page_of_what_is_held_counts_what_is_there(hub: Hub) -> None:
    told = runner(hub.settings)("holdings").out
    page = (hub.settings.reports / "holdings.html").read_text()
    assert str(hub.settings.reports / "lineage.html") in told
    for partner, table, rows, people in hub.rows(
        "select partner, table_name, count(*), count(distinct record_id) from evidence.fact group by 1, 2"
    ):
        cells = f"<td>{partner}</td><td>{table}</td><td class=n>{rows}</td><td class=n>{people}</td>"
        assert cells in page, (partner, table)
    assert f"<td class=n>{hub.one('select count(*) from identity.record')}</td>" in page
    assert "whole-family-2012" in page
    assert "Welfare Reform Act 2012 s.131" in page
    assert "class=alarm" not in page.replace('"', "")


def test_what_is_not_covered_and_what_ends_is_an_alarm(hub: Hub, changed: object) -> None:
    assert callable(changed)
    changed(lambda document: feed(document, "council")["columns"]["people"].remove("nino"))
    changed(lambda document: document.update(expiry="2015-03-31"))
    from pipeline.holdings.page import write_holdings_page

    page = write_holdings_page(hub.settings, hub.database).read_text()
    assert "expired on 2015-03-31" in page
    assert "Held of dwp, and nothing more is taken in" in page


def test_nothing_of_a_person_is_on_any_page(hub: Hub, tmp_path: Path) -> None:
    run = runner(hub.settings)
    run("holdings")
    run("documents", "--out", tmp_path)
    paths = [hub.settings.reports / "holdings.html", hub.settings.reports / "lineage.html", *tmp_path.iterdir()]
    text = "\n".join(path.read_text() for path in paths if path.is_file()).lower()
    values = {value for (value,) in hub.rows("select encode(person_ref, 'hex') from identity.record")}
    for path in DOZEN.glob("raw/*/people.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                values |= {row.get(name) or "" for name in ("surname", "nino", "upn", "nhs_number")}
    assert [value for value in values if len(value) > 5 and value.lower() in text] == []


def test_agreements_shows_the_matrix_and_what_it_would_remove(hub: Hub) -> None:
    told = runner(hub.settings)("agreements")
    assert "Everything that is held is covered." in told.out
    assert told.out.count("identify") >= 4


def test_both_forms_say_the_same() -> None:
    document = Document("d", "A <title>", "lead", [
        Heading("Part"), Text("a | b"), Text("act!", alarm=True), Table(["A", "B|"], [["1,000", "x|y"]]),
        Picture("<svg></svg>", "what it shows"), Links([("there", "there.html")]),
    ])  # fmt: skip
    page, text = as_html(document), as_markdown(document)
    assert "A &lt;title&gt;" in page
    assert '<p class="alarm">act!</p>' in page
    assert "<td class=n>1,000</td><td>x|y</td>" in page
    assert "| 1,000 | x\\|y |" in text
    assert "# A &lt;title>" in text
    assert "*what it shows*" in text
    assert "[there](there.html)" in text
