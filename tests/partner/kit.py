"""A small extract and keys for the tests of the partner's kit."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pyrage

from pipeline.contracts import (
    Contract,
    Encoding,
    LinkModel,
    Vocabulary,
    load_contracts,
    load_encoding,
    load_link_model,
    load_vocabulary,
)
from pipeline.partner.keys import PartnerKeys
from pipeline.partner.preview import Preview
from pipeline.partner.pseudonymise import pseudonymise
from pipeline.settings import PROJECT

DECLARATIONS = PROJECT / "schemas"
VOCABULARY: Vocabulary = load_vocabulary(DECLARATIONS)
CONTRACTS: dict[str, Contract] = load_contracts(DECLARATIONS, VOCABULARY)
ENCODING: Encoding = load_encoding(DECLARATIONS)
MODEL: LinkModel = load_link_model(DECLARATIONS)
HUB = pyrage.x25519.Identity.generate()
PERIOD = (dt.date(2011, 8, 1), dt.date(2014, 7, 31))

Cells = list[list[str]]

FORENAMES = ["Zebedee", "Ottoline", "Thaddeus", "Perpetua", "Marmaduke", "Hyacinth", "Ignatius", "Clementine"]
SURNAMES = ["Quillfeather", "O'Brannigan", "Smythe-Twist", "Łukasik", "Okonjo", "Vankataswamy", "Mac Aulay", "Ó Súil"]


def partner_keys(seed: int = 1, *, partner: str = "council", linkage: int = 9, version: int = 1) -> PartnerKeys:
    """Keys that are the same in every test; `seed` stands for the partner's own, `linkage` for the shared one."""
    return PartnerKeys(
        partner=partner,
        key_version=version,
        partner_key=bytes([seed]) * 32,
        linkage_key=bytes([linkage]) * 32,
        signing_key=bytes([seed + 100]) * 32,
        hub_recipient=str(HUB.to_public()),
    )


def council_extract(people: int = 120) -> dict[str, Cells]:
    """A clean extract of the council as rows of cells, header first: `people` people, two to a home."""
    tables: dict[str, Cells] = {
        "people": [
            ["person_ref", "forename", "middle_names", "surname", "date_of_birth", "sex", "nino", "nhs_number", "upn"]
        ],
        "residences": [["person_ref", "uprn", "address", "postcode", "start_date", "end_date"]],
        "relationships": [["person_ref", "related_person_ref", "relation", "start_date", "end_date"]],
        "events": [["event_ref", "person_ref", "kind", "code", "role", "start_date", "end_date", "quantity"]],
        "nominations": [["person_ref", "nominated_on", "rank", "reason_code"]],
    }
    for n in range(people):
        ref = f"CASE-{n:05d}"
        born = f"{1950 + n % 60}-{n % 12 + 1:02d}-{n % 28 + 1:02d}"
        tables["people"].append(
            [ref, FORENAMES[n % 8], "Secretmiddle", SURNAMES[n // 8 % 8], born, "FM"[n % 2], f"JX{n:06d}B", "", ""]
        )
        home = n // 2
        tables["residences"].append(
            [ref, f"{200000000000 + home}", f"{home + 1} Gooseberry Lane", f"XB{home % 9 + 1} 7QZ", "2010-01-01", ""]
        )
        if n % 2:
            tables["relationships"].append([ref, f"CASE-{n - 1:05d}", "parent", "", ""])
        if n % 3 == 0:
            tables["events"].append([f"EVT-{n}", ref, "child_in_need", "N2", "", "2013-05-01", "", ""])
    tables["nominations"].append(["CASE-00000", "2014-07-01", "1", "escalating"])
    return tables


def write_extract(tables: dict[str, Cells], folder: Path) -> Path:
    """Write tables as a partner's raw files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows(rows)
    return folder


def run_kit(
    raw: Path, out: Path, keys: PartnerKeys | None = None, partner: str = "council", encoding: Encoding = ENCODING
) -> Preview:
    """Pseudonymise with the declarations of the project."""
    return pseudonymise(
        CONTRACTS[partner], encoding, MODEL, raw, out, keys or partner_keys(partner=partner), *PERIOD,
        vocabulary=VOCABULARY,
    )  # fmt: skip


def delivered(out: Path, table: str) -> list[dict[str, str]]:
    """The rows of a delivered CSV."""
    with (out / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
