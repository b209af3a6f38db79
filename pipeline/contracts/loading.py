"""Load partners' data contracts: validated against the Open Data Contract Standard, then against our own rules."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.contracts.evidence import Vocabulary
from pipeline.contracts.extract import PERSON_REFERENCE, Column, Contract, EvidenceMapping, Table
from pipeline.contracts.reading import line_of, read_yaml, require
from pipeline.errors import DeclarationError
from pipeline.records import NOMINATIONS, PEOPLE, RELATIONSHIPS, RESIDENCES

TREATMENTS = ("pseudonym", "token", "encode", "date_to_month", "area", "keep", "drop")
NORMALISERS = ("name", "date", "sex", "nino", "nhs_number", "upn", "pnc_id", "uprn", "address", "postcode")

# SHA-256 of documents that this process has found to fit the standard: the check takes a tenth of a second each.
FOUND_FITTING: set[str] = set()


def load_contracts(declarations: Path, vocabulary: Vocabulary) -> dict[str, Contract]:
    """Every partner's contract, by partner. Raises DeclarationError with file, line, rule and remedy."""
    loaded = [load_contract(path, vocabulary) for path in sorted((declarations / "extracts").glob("*.yaml"))]
    return {contract.partner: contract for contract in loaded}


def load_contract(path: Path, vocabulary: Vocabulary) -> Contract:
    """One contract, validated against the standard (JSON Schema and model) and against our own rules.

    Raises DeclarationError when it is not ODCS 3.2, when a column has no or an unknown treatment, or when a
    table's evidence names a kind the vocabulary does not have.
    """
    document = read_yaml(path)
    sha256 = hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
    if sha256 not in FOUND_FITTING:
        _check_standard(path, document)
        FOUND_FITTING.add(sha256)
    custom = _custom(document)
    partner = str(custom.get("partner", ""))
    require(
        partner == path.stem,
        path=path,
        near="partner",
        rule="the file is named after its partner.",
        remedy="rename it.",
    )
    sla = {entry["property"]: entry for entry in document.get("slaProperties", [])}
    require(
        {"frequency", "freshness"} <= set(sla) and bool(sla["frequency"].get("schedule")),
        path=path,
        near="slaProperties",
        rule="slaProperties need 'frequency' with a cron schedule, and 'freshness' in days.",
        remedy="add them.",
    )
    tables = tuple(_table(path, entry, vocabulary) for entry in document["schema"])
    require(
        any(table.name == PEOPLE for table in tables),
        path=path,
        rule="there is no table 'people'.",
        remedy="add it.",
    )
    return Contract(
        partner=partner,
        name=str(document["name"]),
        purpose=str(document.get("description", {}).get("purpose", "")),
        version=str(document["version"]),
        sha256=sha256,
        text_encoding=str(custom.get("textEncoding", "utf-8")),
        tolerated_problem_share=float(custom.get("toleratedProblemShare", 0.0)),
        schedule=str(sla["frequency"]["schedule"]),
        freshness_days=int(sla["freshness"]["value"]),
        tables=tables,
    )


@lru_cache(maxsize=1)
def _standard_validator() -> Any:
    import jsonschema
    from open_data_contract_standard.model import OpenDataContractStandard

    schema = json.loads(OpenDataContractStandard.json_schema())
    return jsonschema.validators.validator_for(schema)(schema)


def _check_standard(path: Path, document: dict[str, Any]) -> None:
    import pydantic
    from open_data_contract_standard.model import OpenDataContractStandard

    problem = next(iter(_standard_validator().iter_errors(document)), None)
    if problem is None:
        try:
            OpenDataContractStandard.model_validate(document)
        except pydantic.ValidationError as error:
            location = ".".join(str(part) for part in error.errors()[0]["loc"])
            rule = f"'{location}' does not fit the Open Data Contract Standard."
        else:
            return
    else:
        location = ".".join(str(part) for part in problem.absolute_path) or "the document"
        rule = f"{location} does not fit the Open Data Contract Standard ({problem.validator})."
    last = location.rsplit(".", maxsplit=1)[-1]
    raise DeclarationError(
        where=f"{path.name}, line {line_of(path, last)}",
        rule=rule,
        remedy="compare it with a contract beside it; apiVersion is v3.2.0.",
    )


def _custom(element: dict[str, Any]) -> dict[str, Any]:
    return {entry["property"]: entry["value"] for entry in element.get("customProperties", [])}


def _table(path: Path, entry: dict[str, Any], vocabulary: Vocabulary) -> Table:
    custom = _custom(entry)
    name = entry["name"]
    columns = tuple(_column(path, name, column) for column in entry["properties"])
    mappings = tuple(_mapping(path, name, mapping, columns, vocabulary) for mapping in custom.get("evidence", []))
    known = (PEOPLE, RESIDENCES, RELATIONSHIPS, NOMINATIONS)
    require(
        name in known or bool(mappings),
        path=path,
        near=f"name: {name}",
        rule=f"table '{name}' is neither one of {', '.join(known)} nor mapped to evidence.",
        remedy="add the custom property 'evidence' to the table.",
    )
    require(
        any(column.name == "person_ref" and column.treatment == ("pseudonym",) for column in columns),
        path=path,
        near=f"name: {name}",
        rule=f"table '{name}' has no person_ref that leaves as a pseudonym.",
        remedy="add the column with treatment [pseudonym].",
    )
    return Table(
        name=name,
        file=entry.get("physicalName") or f"{name}.csv",
        description=entry.get("description", ""),
        columns=columns,
        evidence=mappings,
        optional=bool(custom.get("optional", False)),
        origin=str(custom.get("origin", "")),
    )


def _column(path: Path, table: str, entry: dict[str, Any]) -> Column:
    custom = _custom(entry)
    name = entry["name"]
    treatment = tuple(custom.get("treatment", ()))
    near = f"name: {name}"
    require(
        bool(treatment) and set(treatment) <= set(TREATMENTS),
        path=path,
        near=near,
        rule=f"column {table}.{name} must say how it leaves the building.",
        remedy=f"give it the custom property 'treatment', a list of: {', '.join(TREATMENTS)}.",
    )
    normalise = custom.get("normalise")
    require(
        normalise in (None, *NORMALISERS),
        path=path,
        near=near,
        rule=f"column {table}.{name} has an unknown normaliser.",
        remedy=f"use one of: {', '.join(NORMALISERS)}.",
    )
    require(
        normalise is not None or not {"token", "encode"} & set(treatment),
        path=path,
        near=near,
        rule=f"column {table}.{name} is hashed without being normalised.",
        remedy="give it the custom property 'normalise'.",
    )
    options = entry.get("logicalTypeOptions", {})
    # Every row of every other table is about a person of `people`, whether the contract says so again or not.
    implied = PERSON_REFERENCE if name == "person_ref" and table != PEOPLE else None
    references = entry.get("relationships") or [{"to": implied}]
    return Column(
        name=name,
        source_name=entry.get("physicalName") or name,
        type=entry.get("logicalType", "string"),
        description=entry.get("description", ""),
        treatment=treatment,
        required=bool(entry.get("required", False)),
        unique=bool(entry.get("unique", False)),
        allowed=tuple(str(item["value"]) for item in entry["enum"]) if "enum" in entry else None,
        normalise=normalise,
        date_formats=tuple(custom.get("dateFormats", ("yyyy-MM-dd",))),
        references=references[0].get("to"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pattern=options.get("pattern"),
    )


def _mapping(
    path: Path, table: str, entry: dict[str, Any], columns: tuple[Column, ...], vocabulary: Vocabulary
) -> EvidenceMapping:
    names = {column.name: column for column in columns}

    def source(key: str) -> tuple[str, str] | None:
        if key not in entry:
            return None
        (how, value), *rest = entry[key].items()
        require(
            not rest and how in ("column", "value") and (how == "value" or value in names),
            path=path,
            near="property: evidence",
            rule=f"'{key}' of the evidence of '{table}' is neither a column of the table nor a value.",
            remedy="write {column: name} or {value: constant}.",
        )
        return how, str(value)

    kind, start = source("kind"), source("start")
    if kind is None or start is None:
        raise DeclarationError(
            where=f"{path.name}, table {table}", rule="evidence needs a kind and a start.", remedy="add them."
        )
    kinds = [kind[1]] if kind[0] == "value" else names[kind[1]].allowed or ()
    require(
        bool(kinds),
        path=path,
        near=f"name: {table}",
        rule=f"the column that gives the kind of evidence of '{table}' has no allowed values.",
        remedy="list them under 'enum'.",
    )
    for name in kinds:
        vocabulary.kind(name)
    when = entry.get("when")
    return EvidenceMapping(
        kind=kind,
        start=start,
        end=source("end"),
        code=source("code"),
        role=source("role"),
        quantity=source("quantity"),
        out_of=source("outOf"),
        when=(when["column"], str(when["equals"])) if when else None,
    )
