"""The documents that a controller must keep, generated from the declarations and the live database's own comments.

Record of processing (UK GDPR Art 30), the data-flow map and field inventory of the impact assessment, the transparency
record (fields of the Algorithmic Transparency Recording Standard, version 3), and the data dictionary.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.contracts import Agreement, Contract, load_agreements, load_contracts, load_vocabulary, refusal
from pipeline.contracts.agreement import IDENTIFY
from pipeline.contracts.reading import read_yaml, require
from pipeline.holdings.catalogue import Catalogue
from pipeline.holdings.flow import flow_picture
from pipeline.holdings.jobs import everything
from pipeline.holdings.paper import Block, Document, Heading, Picture, Table, Text, as_html, as_markdown, write_whole
from pipeline.settings import Settings

FILE = "governance.yaml"
OPEN = re.compile(r"<[^<>]+>")
LEAVES = {
    "pseudonym": "as a code that only this partner can turn back",
    "token": "as a keyed token",
    "encode": "as an encoding under the linkage key",
    "date_to_month": "as year and month",
    "area": "as an area code",
    "keep": "as it is",
    "drop": "not at all",
}


@dataclass(frozen=True)
class Sources:
    """What the documents are made from."""

    told: Mapping[str, Any]
    agreements: tuple[Agreement, ...]
    contracts: Mapping[str, Contract]
    catalogue: Catalogue
    declarations: Path


def documents(settings: Settings, catalogue: Catalogue) -> list[Document]:
    """All of them. Raises DeclarationError where a declaration is ill-formed."""
    path = settings.declarations / FILE
    told = read_yaml(path)
    for key in ("controller", "subjects", "transfers", "security", "recipients", "transparency", "risks"):
        require(bool(told.get(key)), path=path, rule=f"'{key}' is missing.", remedy="add it.")
    contracts = load_contracts(settings.declarations, load_vocabulary(settings.declarations))
    of = Sources(told, load_agreements(settings.declarations), contracts, catalogue, settings.declarations)
    return [_record_of_processing(of), _data_flow(of), _transparency(of), _dictionary(of)]


def write_documents(settings: Settings, catalogue: Catalogue, folder: Path) -> list[Path]:
    """Write each as Markdown and as HTML into a folder; returns the files."""
    return [
        write_whole(folder / f"{document.name}.{suffix}", write(document))
        for document in documents(settings, catalogue)
        for suffix, write in (("md", as_markdown), ("html", as_html))
    ]


def still_open(settings: Settings) -> list[str]:
    """What the council has still to fill in, as it stands in schemas/governance.yaml."""
    return sorted(
        set(OPEN.findall((settings.declarations / FILE).read_text(encoding="utf-8").partition("version:")[2]))
    )


def _record_of_processing(of: Sources) -> Document:
    controller = of.told["controller"]
    blocks: list[Block] = [
        Heading("Controller"),
        Table(["What", "Who"], [[name.replace("_", " "), text] for name, text in controller.items()]),
        Heading("Purposes and lawful powers"),
    ]
    for one in of.agreements:
        blocks += [
            Heading(f"{one.title} ({one.id} {one.version}), {one.start} to {one.expiry}", 3),
            Table(["Purpose", "What for"], [[name, text] for name, text in one.purposes.items()]),
            Table(
                ["From", "Purpose", "Legal gateway", "Onward"],
                [[feed.partner, purpose, "; ".join(gateway.title for gateway in named), feed.onward_disclosure]
                 for feed in one.feeds.values() for purpose, named in feed.gateways.items()],
            ),
            Text(f"Special categories and offences: {one.special_categories or 'none stated.'}"),
        ]  # fmt: skip
    blocks += [
        Heading("Whose data"), Text(of.told["subjects"]),
        Heading("Which data"),
        Table(
            ["Partner", "Table", "What it is", "Columns that leave the partner"],
            [[partner, table.name, table.description,
              ", ".join(one.name for one in table.columns if one.treatment != ("drop",))]
             for partner, contract in of.contracts.items() for table in contract.tables],
        ),
        Heading("Who receives it"),
        Table(["Who", "What"], [[one["group"], one["gets"]] for one in of.told["recipients"]]),
        Heading("Transfers abroad"), Text(of.told["transfers"]),
        Heading("How long"),
        Table(
            ["Agreement", "Shown for", "Held for"],
            [[one.id, _months(one.shown_months), _months(one.held_months)] for one in of.agreements],
        ),
        Heading("How it is secured"), *(Text(text) for text in of.told["security"]),
    ]  # fmt: skip
    return Document("record-of-processing", "Record of processing activities", _lead("UK GDPR Article 30"), blocks)


def _data_flow(of: Sources) -> Document:
    blocks: list[Block] = [
        Heading("The map"),
        Picture(flow_picture(of.contracts, of.catalogue), "Zones of trust and what passes between them: names and "
                "identifiers stay at the partner, codes go to the hub, and views to the readers."),
        Heading("Field inventory"),
        Text("Every column of every partner's extract: whether and how it leaves the building, where it is stored, and "
             "under which power."),
        Table(
            ["Partner", "Table", "Column", "What it is", "Kind", "Leaves", "Stored in", "Power", "Held for"],
            list(_fields(of)),
        ),
    ]  # fmt: skip
    return Document(
        "data-flow-and-fields", "Data-flow map and field inventory", _lead("for the impact assessment"), blocks
    )


def _fields(of: Sources) -> Iterator[list[str]]:
    traced = everything(of.declarations, of.catalogue).columns
    stored: dict[tuple[str, str], set[str]] = {}
    for table, columns in traced.items():
        for column, sources in columns.items():
            for source in sources:
                if source.dataset.startswith("deliveries/"):
                    stored.setdefault((source.dataset, source.column), set()).add(f"{table}.{column}")
    delivered: dict[tuple[str, str], set[str]] = {}
    for table, columns in traced.items():
        if table.startswith("deliveries/"):
            for column, sources in columns.items():
                for source in sources:
                    places = stored.get((table, column), set())
                    delivered.setdefault((source.dataset, source.column), set()).update(places)
    today = dt.datetime.now(dt.UTC).date()
    for partner, contract in of.contracts.items():
        agreement = next((one for one in of.agreements if partner in one.feeds and one.in_force(today)), None)
        for raw in contract.tables:
            for field in raw.columns:
                covered = agreement is not None and agreement.covers(partner, raw.name, field.name)
                lawful = covered and refusal(of.agreements, partner, IDENTIFY, today) is None
                yield [
                    partner, raw.name, field.name, field.description, field.type,
                    "; ".join(LEAVES[one] for one in field.treatment),
                    ", ".join(sorted(delivered.get((f"extracts/{partner}/{raw.name}", field.name), set()))) or "–",
                    agreement.feeds[partner].gateway if lawful and agreement else "–",
                    _months(agreement.held_months) if covered and agreement else "–",
                ]  # fmt: skip


def _transparency(of: Sources) -> Document:
    told, packs = of.told["transparency"], sorted((of.declarations / "criteria").glob("*.yaml"))
    agreements = "; ".join(f"{one.id} {one.version}" for one in of.agreements)
    sources = "; ".join(f"{contract.name}: {', '.join(table.name for table in contract.tables)}"
                        for contract in of.contracts.values())  # fmt: skip
    tiers: list[tuple[str, list[tuple[str, str]]]] = [
        ("Tier 1: summary", [
            ("Name", "Whole Family"), ("Description", told["description"]), ("Website URL", told["website"]),
            ("Contact email", told["email"]),
        ]),
        ("Tier 2: owner and responsibility", [
            ("Organisation or department", told["organisation"]), ("Team", told["team"]),
            ("Senior responsible owner", told["owner"]), ("Third party involvement", told["third_parties"]),
        ]),
        ("Tier 2: description and rationale", [
            ("Detailed description", "Records are linked on keyed encodings by a Fellegi-Sunter model; families are "
             "formed from shared homes and stated relationships; published criteria are evaluated as dated rules over "
             "evidence. There is no score learnt from outcomes."),
            ("Benefits", told["benefits"]), ("Previous process", told["previous_process"]),
            ("Alternatives considered", told["alternatives"]),
        ]),
        ("Tier 2: deployment context", [
            ("Integration into the broader operational process", told["integration"]),
            ("Human review", told["human_review"]), ("Frequency and scale of usage", told["frequency"]),
            ("Required training", told["training"]), ("Appeals and review", told["appeals"]),
        ]),
        ("Tier 2: tool specification", [
            ("System architecture", "Partner's kit, hub, live database (PostgreSQL); Airflow runs it nightly."),
            ("Phase", told["phase"]), ("Maintenance", told["maintenance"]),
            ("Models", "A probabilistic linkage model (schemas/linkage) and rule packs: "
             + ", ".join(path.stem for path in packs) + "."),
            ("Data: source", sources), ("Data: agreements", agreements),
            ("Data: sensitive attributes", "; ".join(one.special_categories for one in of.agreements)),
            ("Data: sharing and access", "; ".join(f"{one['group']}: {one['gets']}" for one in of.told["recipients"])),
            ("Data: storage and retention", "; ".join(f"{one.id}: shown for {_months(one.shown_months)}, held for "
                                                      f"{_months(one.held_months)}" for one in of.agreements)),
        ]),
        ("Tier 2: risks, mitigations and impact assessments", [
            ("Impact assessments", told["impact_assessments"]),
            *((f"Risk: {one['risk']}", one["mitigation"]) for one in of.told["risks"]),
        ]),
    ]  # fmt: skip
    blocks: list[Block] = []
    for title, rows in tiers:
        blocks += [Heading(title), Table(["Field", "Answer"], [list(row) for row in rows])]
    return Document(
        "transparency-record", "Algorithmic transparency record",
        _lead("fields of the Algorithmic Transparency Recording Standard, version 3"), blocks,
    )  # fmt: skip


def _dictionary(of: Sources) -> Document:
    blocks: list[Block] = [Heading("What partners send")]
    for partner, contract in of.contracts.items():
        for raw in contract.tables:
            blocks.append(Heading(f"{partner}: {raw.name}", 3))
            blocks.append(Text(raw.description))
            rows = [
                [c.name, c.type, "yes" if c.required else "no", c.description, ", ".join(c.allowed or ())]
                for c in raw.columns
            ]
            blocks.append(Table(["Column", "Type", "Required", "What it is", "Allowed"], rows))
    blocks.append(Heading("What readers see: schema cohort"))
    for name, relation in of.catalogue.relations.items():
        if relation.schema == "cohort":
            blocks += [Heading(name, 3), Text(relation.comment)]
            rows = [[column, type_, comment] for column, (type_, _, comment) in relation.columns.items()]
            blocks.append(Table(["Column", "Type", "What it is"], rows))
    return Document(
        "data-dictionary", "Data dictionary", _lead("contracts, and the live database's own comments"), blocks
    )


def _lead(what: str) -> str:
    return f"Generated from schemas/ and the live database: {what}. Not to be edited by hand."


def _months(months: int | None) -> str:
    return "not stated" if months is None else f"{months} months"
