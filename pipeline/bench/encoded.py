"""The partner's part of a benchmark: each source is encoded by the kit's own functions, under a key thrown away.

What is written is what a hub would hold and nothing else: one token per record for each field that the link model
compares, sex, filters and date codes by blocking pass, and counts of chance agreement. The keys are never written.

    encoded/records.parquet          record_id, partner, sex, and a token (16 bytes) per field of the link model
    encoded/pass-<name>.parquet      record_id, pass, block, forename, surname, date_parts
    encoded/chance_agreement.json    per comparison, pairs at each level among random pairs, pooled over sources
"""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.bench.case import RECORD, SOURCE, Case
from pipeline.bench.in_clear import PlainNames
from pipeline.bench.mapping import normal_form
from pipeline.contracts import Encoding, LinkModel, load_encoding, load_link_model
from pipeline.partner.chance_agreement import chance_agreement
from pipeline.partner.coded import MISSING, Coded, coded
from pipeline.partner.encode import Encoded, Persons, encode_persons
from pipeline.partner.hashing import TOKEN_BYTES, hmac_each
from pipeline.partner.keys import KEY_BYTES, PartnerKeys
from pipeline.partner.people import People

KEY_VERSION = 1
SEX = "sex"
PARTNER = "partner"
DATE_PART_BYTES = 6


def throw_away_keys(partner: str, linkage_key: bytes) -> PartnerKeys:
    """A source's keys for one run: its own random partner key, and the linkage key that all sources share."""
    return PartnerKeys(
        partner=partner,
        key_version=KEY_VERSION,
        partner_key=secrets.token_bytes(KEY_BYTES),
        linkage_key=linkage_key,
        signing_key=secrets.token_bytes(KEY_BYTES),
        hub_recipient="",
    )


def encode_case(case: Case, *, in_clear: bool = False) -> Path:
    """Encode a case's records, source by source, into its folder `encoded`; returns that folder.

    `in_clear`: into `in_clear` instead, names and dates as they are, to see what encoding costs (see bench.in_clear).
    """
    out = case.folder / ("in_clear" if in_clear else "encoded")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    encoding, model = load_encoding(case.folder), load_link_model(case.folder)
    linkage_key = secrets.token_bytes(KEY_BYTES)
    clear = pq.read_table(case.clear)
    source = np.asarray(clear[SOURCE].to_pandas(), dtype=object)
    columns = {entry.name: normal_form(entry, clear[entry.name]) for entry in case.fields}
    places, record_of_place = _places(case)
    plain = PlainNames.of(columns, encoding) if in_clear else None
    records = []
    counts: dict[str, NDArray[np.int64]] = {}
    writers: dict[str, pq.ParquetWriter] = {}
    for partner in case.sources:
        rows = np.flatnonzero(source == partner)
        keys = throw_away_keys(partner, linkage_key)
        people = _people(columns, rows, places, record_of_place, case.records)
        records.append(_records(people, rows, partner, model, keys, encoding.version))
        for piece in encode_persons(encoding, keys, people.persons):
            table = _encodings(plain.instead(piece, people.persons) if plain else piece, rows, encoding)
            if piece.blocking_pass not in writers:
                path = out / f"pass-{piece.blocking_pass}.parquet"
                writers[piece.blocking_pass] = pq.ParquetWriter(
                    path, table.schema, compression="zstd", compression_level=1, use_dictionary=["pass"]
                )
            writers[piece.blocking_pass].write_table(table)
        for entry in chance_agreement(encoding, model, keys, people):
            counts[entry.comparison] = counts.get(entry.comparison, np.int64(0)) + np.asarray(entry.counts)
    for writer in writers.values():
        writer.close()
    pq.write_table(pa.concat_tables(records), out / "records.parquet")
    pooled = {name: values.tolist() for name, values in counts.items()}
    (out / "chance_agreement.json").write_text(json.dumps(pooled), encoding="utf-8")
    return out


def _places(case: Case) -> tuple[dict[str, Coded], NDArray[np.int64]]:
    """Every address of every record, its latest last, and whose each is."""
    if not case.places.exists():
        return {}, np.zeros(0, dtype=np.int64)
    table = pq.read_table(case.places)
    entries = [entry for entry in case.fields if entry.name in table.column_names]
    columns = {entry.name: normal_form(entry, table[entry.name]) for entry in entries}
    return columns, table[RECORD].to_numpy()


def _people(
    columns: dict[str, Coded],
    rows: NDArray[np.int64],
    places: dict[str, Coded],
    record_of_place: NDArray[np.int64],
    records: int,
) -> People:
    """The people of one source. Where there are places, their fields are of places, the last of a record its latest."""
    own = {name: column.take(rows) for name, column in columns.items() if name not in places}
    own["person_ref"] = coded(pa.array(rows).cast(pa.string()))
    if not places:
        nowhere = np.zeros(0, dtype=np.int32)
        persons = Persons(own, {}, nowhere)
        return People(persons, np.arange(len(rows), dtype=np.int32), np.full(len(rows), MISSING, dtype=np.int64))
    position = np.full(records, MISSING, dtype=np.int64)
    position[rows] = np.arange(len(rows))
    here = np.flatnonzero(position[record_of_place] != MISSING)
    person = position[record_of_place[here]]
    latest = np.full(len(rows), MISSING, dtype=np.int64)
    latest[person] = np.arange(len(here))
    persons = Persons(own, {name: column.take(here) for name, column in places.items()}, person.astype(np.int32))
    return People(persons, np.arange(len(rows), dtype=np.int32), latest)


def _records(
    people: People, rows: NDArray[np.int64], partner: str, model: LinkModel, keys: PartnerKeys, version: int
) -> pa.Table:
    """One row per record: what the link model compares by value, as tokens; the latest address where there are some."""
    columns = {"record_id": pa.array(rows), PARTNER: pa.array([partner] * len(rows))}
    wanted = {column for comparison in model.comparisons for column in comparison.columns} | set(model.one_per_person)
    for name in sorted(wanted - {PARTNER}):
        if name in people.persons.columns:
            column = people.persons.columns[name]
        elif name in people.persons.at_places:
            column = people.persons.at_places[name].take(people.residence)
        else:
            continue
        columns[name] = column.texts() if name == SEX else _tokens(keys.token_key(name, version), column)
    return pa.table(columns)


def _tokens(key: bytes, column: Coded) -> pa.Array:
    tokens = fixed_binary(np.ascontiguousarray(hmac_each(key, column.values)[:, :TOKEN_BYTES]))
    return column.texts(tokens)


def _encodings(piece: Encoded, rows: NDArray[np.int64], encoding: Encoding) -> pa.Table:
    size = len(piece.person)
    columns = {
        "record_id": pa.array(rows[piece.person]),
        "pass": pa.array([piece.blocking_pass]).take(pa.array(np.zeros(size, dtype=np.int64))).dictionary_encode(),
        "block": fixed_binary(piece.block),
    }
    for name in encoding.fields:
        packed = piece.names.get(name)
        binary = pa.binary(encoding.name_bytes)
        columns[name] = pa.nulls(size, binary) if packed is None else fixed_binary(packed, missing_when_zero=True)
    columns["date_parts"] = fixed_binary(piece.date_parts.astype("<u2").view(np.uint8), missing_when_zero=True)
    return pa.table(columns)


def fixed_binary(rows: NDArray[np.uint8], *, missing_when_zero: bool = False) -> pa.Array:
    """Rows of bytes as fixed-size binary; a row without any bit set is null where that means missing."""
    packed = np.ascontiguousarray(rows)
    held = packed.any(axis=1) if missing_when_zero else np.ones(len(packed), dtype=np.bool_)
    validity = None if held.all() else pa.py_buffer(np.packbits(held, bitorder="little"))
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(packed.shape[1]), len(packed), [validity, pa.py_buffer(packed.reshape(-1))]
    )


def codes_of_tokens(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Equal tokens as equal codes, -1 where missing: the form linking takes."""
    indices = column.combine_chunks().dictionary_encode().indices
    return np.asarray(pc.fill_null(indices, MISSING), dtype=np.int64)
