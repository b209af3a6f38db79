"""Which number each place has: a token always the same one, and a place the same under a new version of the key.

Under another key a place has another token, and nothing at the hub says which. But a partner that delivers in full
under the new key delivers the same spells again: person (by its pseudonym, which does not change), first day and area
are those of before. Where the spells that had a number and those that have a new token are, for the most part, the same
ones, the token gets that number. So families stay together and keep their ids while partners change key; no token is
compared with one of another version, and once all have changed, two spells share a number only where their tokens are
equal.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest import stage
from pipeline.store.bulk import execute, read_frame, write_frame

SPELL = ["record_id", "start_date", "area"]
PLACES = ["place_id", "address_id"]
FEW = 100_000  # tokens that are looked up by themselves


def spells_under_another_key(connection: Any, origin: stage.Origin) -> pa.Table | None:
    """The partner's spells with their places, where they were delivered under another version of the key; None where
    not. Read before they are replaced."""
    before = read_frame(
        connection,
        "select count(*) as records from identity.record where partner = $1 and key_version is distinct from $2::int",
        [origin.partner, str(origin.key_version)],
    )["records"][0].as_py()
    if not before:
        return None
    return read_frame(
        connection,
        "select record_id, start_date, area, place_id, address_id from evidence.residence where partner = $1"
        " order by record_id, delivery_id, row_number",
        [origin.partner],
    )


def numbered(connection: Any, key_version: int, rows: pa.Table, spells: pa.Table | None) -> tuple[pa.Array, pa.Array]:
    """The place_id of each token of staged spells: of the place, and of the address. Places that are new get one.

    `rows`: record_id, start_date, area, and in place_id and address_id the tokens; `spells`: the same with the places
    that they had under another key, None where there were none. Partners that load together take turns here.
    """
    columns = [rows[name].combine_chunks() for name in PLACES]
    execute(connection, "lock table identity.place in share row exclusive mode")
    tokens = pa.concat_arrays(columns)
    # Of a delta's few spells only their own places; where spells are carried, all: a number is not given twice.
    asked = pc.unique(tokens).drop_null() if spells is None and len(tokens) < FEW else None
    known, ids = _known_places(connection, key_version, asked)
    new = pc.unique(tokens.filter(pc.invert(pc.is_in(tokens, value_set=known)))).drop_null()
    if len(new):
        kept = carried(rows, spells, new, ids) if spells is not None else pa.nulls(len(new), pa.int64())
        versions = pa.repeat(pa.scalar(key_version, pa.int32()), len(new))
        found = pa.table({"place_token": new, "key_version": versions, "place_id": kept})
        write_frame(connection, "identity", "place", found.filter(pc.is_valid(kept)))
        write_frame(connection, "identity", "place", found.filter(pc.is_null(kept)).drop_columns(["place_id"]))
        known, ids = _known_places(connection, key_version, asked)
    place, address = (pc.take(ids, pc.index_in(column, value_set=known)) for column in columns)
    return place, address


def carried(rows: pa.Table, spells: pa.Table, new: pa.Array, taken: pa.Array) -> pa.Array:
    """Per new token the number of the place whose spells it has taken over, null where there is none.

    More than half of the place's spells have that token now, and more than half of the token's had that place. A number
    that has a token of this version already is not given again.
    """
    codes = {name: pc.index_in(rows[name].combine_chunks(), value_set=new) for name in PLACES}
    now = pd.DataFrame({name: rows[name].to_pandas() for name in SPELL} | {n: codes[n].to_pandas() for n in PLACES})
    before = spells.to_pandas()
    both = _alone(before).merge(_alone(now), on=SPELL, suffixes=("_was", ""))
    votes = pd.concat(
        [both[[f"{name}_was", name]].set_axis(["was", "now"], axis=1).dropna().astype("int64") for name in PLACES]
    )
    votes = votes[~votes["was"].isin(taken.to_pylist())].value_counts().rename("spells").reset_index()
    most = votes[
        (2 * votes["spells"] > votes.groupby("was")["spells"].transform("sum"))
        & (2 * votes["spells"] > votes.groupby("now")["spells"].transform("sum"))
    ]
    return pa.array(most.set_index("now")["was"].reindex(range(len(new))).astype("Int64"), pa.int64(), from_pandas=True)


def _alone(spells: pd.DataFrame) -> pd.DataFrame:
    """Without spells that cannot be told from another of the same person."""
    return spells[~spells.duplicated(SPELL, keep=False)]


def _known_places(connection: Any, key_version: int, tokens: pa.Array | None) -> tuple[pa.Array, pa.Array]:
    """Tokens of a version and their numbers: of all places, or of these."""
    query, given = "select place_id, place_token from identity.place where key_version = $1::int", [str(key_version)]
    if tokens is not None:
        query += " and place_token in (select decode(token, 'hex') from unnest(string_to_array($2, ',')) token)"
        given.append(",".join(token.hex() for token in tokens.to_pylist()))
    rows = read_frame(connection, f"{query} order by place_id", given)
    return rows["place_token"].cast(stage.TOKEN).combine_chunks(), rows["place_id"].combine_chunks()
