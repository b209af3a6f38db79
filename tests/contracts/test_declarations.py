"""Declarations are checked when they are loaded: what is wrong, in which file and line, and what to do."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.contracts import (
    agreement_for,
    load_agreements,
    load_contracts,
    load_encoding,
    load_link_model,
    load_vocabulary,
)
from pipeline.errors import DeclarationError
from pipeline.settings import PROJECT

SCHOOLS, AGREEMENT = "extracts/schools.yaml", "agreements/whole-family-2012.yaml"
GATEWAYS = "gateways.yaml"
ENCODING, MODEL = "linkage/encoding-v2.yaml", "linkage/model-v2.yaml"
Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """The project's declarations with one text of one file replaced."""

    def edit(file: str, old: str, new: str) -> Path:
        folder = tmp_path / "schemas"
        shutil.copytree(PROJECT / "schemas", folder)
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
        return folder

    return edit


def load_all(declarations: Path) -> None:
    load_contracts(declarations, load_vocabulary(declarations))
    load_agreements(declarations)
    load_encoding(declarations)
    load_link_model(declarations)


def test_the_four_partners_and_what_their_deliveries_look_like() -> None:
    contracts = load_contracts(PROJECT / "schemas", load_vocabulary(PROJECT / "schemas"))
    assert sorted(contracts) == ["council", "dwp", "police", "schools"]
    assert contracts["schools"].table("people").delivered_header() == (
        "row", "problem", "person_ref", "date_of_birth_month", "sex", "upn_token",
    )  # fmt: skip
    for contract in contracts.values():
        delivered = {column.name for table in contract.tables for column in table.delivered_columns()}
        assert not delivered & {"forename", "middle_names", "surname", "date_of_birth", "address", "uprn", "postcode"}


def test_every_column_that_leaves_is_covered_by_the_agreement() -> None:
    declarations = PROJECT / "schemas"
    agreements = load_agreements(declarations)
    for partner, contract in load_contracts(declarations, load_vocabulary(declarations)).items():
        agreement = agreement_for(agreements, partner, dt.date(2014, 7, 31))
        assert agreement is not None
        for table in contract.tables:
            for column in table.columns:
                leaves = column.treatment != ("drop",)
                assert agreement.covers(partner, table.name, column.name) == leaves, (partner, table.name, column.name)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (SCHOOLS, "apiVersion: v3.2.0", "apiVersion: v9", ("schools.yaml, line 4", "Open Data Contract Standard")),
        (SCHOOLS, "logicalType: date", "logicalType: day", ("schools.yaml", "Open Data Contract Standard")),
        (SCHOOLS, "partner, value: schools", "partner, value: colleges", ("schools.yaml", "named after its partner")),
        (SCHOOLS, "value: [pseudonym]", "value: [publish]", ("schools.yaml", "how it leaves the building")),
        (SCHOOLS, "    - {property: normalise, value: upn}\n", "", ("schools.yaml", "hashed without being normalised")),
        (SCHOOLS, "value: upn}", "value: passport}", ("schools.yaml", "unknown normaliser")),
        (SCHOOLS, "{value: suspension}", "{value: detention}", ("evidence.yaml", "no evidence kind 'detention'")),
        (SCHOOLS, "start: {column: term_start}", "start: {column: beginning}", ("schools.yaml", "'start'")),
        (SCHOOLS, "schedule: 0 2 * * *", "description: nightly", ("schools.yaml", "cron schedule")),
        (SCHOOLS, "schema:\n", "schema: [\n", ("schools.yaml, line", "not valid YAML")),
        ("evidence.yaml", "name: custody", "name: arrest", ("evidence.yaml, line", "stands twice")),
        (AGREEMENT, "expiry: '2030-03-31'", "expiry: '2010-03-31'", ("line", "expires before it starts")),
        (AGREEMENT, "    evaluate: [children", "    marketing: [children", ("line", "does not declare")),
        (AGREEMENT, "  gateways:\n", "  reasons:\n", ("line", "no 'gateways'")),
        (AGREEMENT, "identify: [children-act-2004-s10,", "identify: [children-act-1904-s10,", ("line", "not declared")),
        (AGREEMENT, "shown: P12M", "shown: 12 months", ("line", "P12M or P3Y")),
        (GATEWAYS, "title: SI 2012/1483", "name: SI 2012/1483", ("gateways.yaml, line", "no 'title'")),
        (ENCODING, "block: [nino]", "block: [reverse(nino)]", ("encoding-v2.yaml, line", "not a block expression")),
        (ENCODING, "bits: 512", "bits: 500", ("encoding-v2.yaml, line", "512 bits")),
        (MODEL, "match: 0.", "match: 7.", ("model-v2.yaml, line", "possible <= match < 1")),
    ],
)
def test_what_is_wrong_is_told_with_file_and_remedy(
    edited: Edit, file: str, old: str, new: str, told: tuple[str, ...]
) -> None:
    declarations = edited(file, old, new)
    with pytest.raises(DeclarationError) as caught:
        load_all(declarations)
    for text in told:
        assert text in str(caught.value)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_an_agreement_is_in_force_from_its_first_to_its_last_day() -> None:
    agreements = load_agreements(PROJECT / "schemas")
    (agreement,) = agreements
    day = dt.timedelta(days=1)
    for on, there in (
        (agreement.start - day, False),
        (agreement.start, True),
        (agreement.expiry, True),
        (agreement.expiry + day, False),
    ):
        assert (agreement_for(agreements, "dwp", on) is not None) == there
    assert agreement_for(agreements, "health", agreement.start) is None
