"""Quarantined rows go back to the partner without a value, are turned back at home, mended, and cleared by a delta."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.errors import DeliveryError, ExtractError
from pipeline.ingest import ingest_partner
from pipeline.partner.rejected import escaped, own_lines, write_lines
from pipeline.rejections import read_rejections, write_rejections
from pipeline.reports.delivery_page import write_delivery_page
from pipeline.reports.quarantined import read_quarantined, read_reasons, read_trend, rejections_of
from pipeline.store.database import Database
from tests.ingest.evolving import Extract
from tests.ingest.site import Site, values_of


def test_there_and_back_again(site: Site, database: Database, tmp_path: Path) -> None:
    extract = Extract(site)
    extract.tables["people"][7]["person_ref"] = "=CMD|' /C calc'!A0"
    for table in ("residences", "events", "nominations", "relationships"):
        extract.tables[table][7]["person_ref"] = "=CMD|' /C calc'!A0"
    extract.tables["relationships"][6]["related_person_ref"] = "=CMD|' /C calc'!A0"
    extract.tables["events"][7]["code"] = "N99"
    extract.tables["events"][9]["start_date"] = "14th of July"
    landed = extract.deliver()
    ingest_partner(site.settings, database, "council")

    file = tmp_path / "rejections.json"
    write_rejections(rejections_of(database, read_quarantined(database, landed.name)), file)
    text = file.read_text()
    assert not [value for value in values_of(site, "council") - set(_pseudonyms(text)) if value in text]
    contract, keys = site.contract("council"), site.keys("council")
    lines = own_lines(contract, keys, read_rejections(file), extract.raw)
    assert [(line.file, line.line, line.column, line.reference) for line in lines] == [
        ("events.csv", 9, "code", "=CMD|' /C calc'!A0"), ("events.csv", 11, "start_date", "REF00009"),
    ]  # fmt: skip
    assert "not allowed" in lines[0].rule

    out = tmp_path / "to-mend.csv"
    write_lines(lines, out)
    with out.open(newline="") as handle:
        cells = [cell for row in csv.reader(handle) for cell in row]
    assert "'=CMD|' /C calc'!A0" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]

    with pytest.raises(ExtractError, match="another partner"):
        own_lines(site.contract("police"), site.keys("police"), read_rejections(file), extract.raw)

    extract.tables["events"].insert(0, extract.tables["events"].pop())  # other lines, same rows
    extract.deliver(delta=True)
    ingest_partner(site.settings, database, "council")
    moved = own_lines(contract, keys, read_rejections(file), extract.raw)
    assert [(line.line, line.reference) for line in moved] == [(0, "=CMD|' /C calc'!A0"), (0, "REF00009")]

    extract.tables["events"][8]["code"] = "N1"
    extract.tables["events"][10]["start_date"] = "2014-07-14"
    extract.deliver(delta=True)
    ingest_partner(site.settings, database, "council")
    assert rejections_of(database, read_quarantined(database, landed.name)).rows == ()
    trend = [(row["kind"], row["rows_quarantined"], row["open"]) for row in read_trend(database, "council")]
    assert trend == [("full", 2, 0), ("delta", 0, 0), ("delta", 0, 0)]
    told = read_reasons(database, "council")
    reasons = [(row["table_name"], row["column_name"], row["reason"], row["open"], row["by_night"]) for row in told]
    assert sorted(reasons) == [
        ("events", "code", "unknown_code", 0, [1, 0, 0]), ("events", "start_date", "date_form", 0, [1, 0, 0]),
    ]  # fmt: skip
    assert [row["cleared"] for row in told] == [1, 1]
    assert read_reasons(database, "police") == []


def test_the_page_of_a_delivery_tells_its_quality_and_no_value(site: Site, database: Database) -> None:
    extract = Extract(site)
    extract.tables["events"][7]["code"] = "N99"
    landed = extract.deliver()
    ingest_partner(site.settings, database, "council")
    page = write_delivery_page(database, site.settings, landed.name).read_text(encoding="utf-8")
    assert "unknown code" in page
    assert "1,000 rows delivered = 999 loaded + 1 quarantined" in page
    assert "Waiting in quarantine from this partner" in page
    assert '<td>rows loaded</td><td class="n">199</td>' in page
    assert "<script" not in page
    assert not [value for value in values_of(site, "council") if value in page]
    extract.tables["events"] = []
    rejected = extract.deliver()
    with pytest.raises(DeliveryError):
        ingest_partner(site.settings, database, "council")
    page = write_delivery_page(database, site.settings, rejected.name).read_text(encoding="utf-8")
    assert "What to do" in page
    assert "halve or double" in page  # the expectation, and why


def test_a_file_that_is_not_the_hubs_is_refused_without_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"rows": [{"name": "Soroel"}]}')
    with pytest.raises(ExtractError) as caught:
        read_rejections(tmp_path / "x.json")
    assert "Soroel" not in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "shown"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("\tx", "'\tx"), ("-1", "'-1"), ("a=b", "a=b"), ("", "")]
)
def test_formulas_are_escaped_on_export(cell: str, shown: str) -> None:
    assert escaped(cell) == shown


def _pseudonyms(text: str) -> list[str]:
    import re

    return re.findall(r"\b[0-9a-f]{32}\b", text)
