"""Link tonight's records: only what has changed since the last build is compared with all, where that gives the same.

A full build compares everything and fits the model; it is made when nothing stands yet, when it is asked for, when the
declared model, the encoding or the key is another one, and when tonight's links have drifted from those the model was
fitted on (docs/adr/0011). While records stand under two versions of the linkage key, the model fitted before stands,
and what was linked is carried; the first night under one version again is a full build. Here are read the encodings
and what last night left; no rule of linking belongs here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_postgresql import dbapi
from numpy.typing import NDArray

from pipeline.contracts import LinkModel
from pipeline.errors import BuildError
from pipeline.link import Encodings, Fitted, LinkState, link_persons
from pipeline.link.fit import digest
from pipeline.link.state import changed_prints
from pipeline.link.versions import EMPTIED, are_mixed, versions_of
from pipeline.nightly import LINKER, LinkInputs, read_link_inputs
from pipeline.progress import Progress, silent
from pipeline.records import FINGERPRINT, LinkResult
from pipeline.store.bulk import read_frame
from pipeline.store.database import Database

FILTERS = ("forename", "surname", "date_parts")
MOST_CHANGED = 0.2  # of all records; beyond, all encodings are read, since most blocks hold a changed one


@dataclass(frozen=True)
class Before:
    """What the last build left: its state, the versions of encoding and key it was fitted on, the full build that
    fitted it, how that one's blocks were, and the newest record of the last night under one version of the key."""

    state: LinkState
    basis: str
    fitted_run: int
    blocking: pd.DataFrame
    one_version_to: int


@dataclass(frozen=True)
class Linked:
    """Tonight's links, what they were made from, what stood before, and why everything was compared (None: only what
    has changed was). `fitted_run`: the full build whose fit it rests on, None where it fitted itself; `basis` and
    `one_version_to`: as in `Before`, for the next night."""

    night: LinkInputs
    result: LinkResult
    before: Before | None
    full_because: str | None
    fitted_run: int | None
    basis: str
    one_version_to: int

    @property
    def state_before(self) -> LinkState | None:
        return None if self.before is None else self.before.state


def link_tonight(database: Database, model: LinkModel, *, full: bool = False, progress: Progress = silent) -> Linked:
    """Link everything that is loaded. `full`: compare and fit everything, though less would do.

    Raises BuildError where records stand under two versions of the key and what was linked cannot be carried.
    """
    night = read_link_inputs(database)
    newest = int(night.records["record_id"].max()) if len(night.records) else 0
    mixed = are_mixed(versions_of(night.records))
    with database.adbc(role=LINKER) as connection:
        before = _read_before(connection)
        if mixed and (before is not None or len(night.previous)):
            return _carried(connection, night, _that_can_carry(before, night, model), model, progress, full=full)
        because = "asked for" if full else _full_because(before, night, model)
        if because is None and before is not None:
            some = _changed_alone(connection, night, before, model, progress)
            if not some.parameters["drift"]["refit"]:
                return Linked(night, some, before, None, before.fitted_run, night.basis, newest)
            because = "the links have drifted from those the model was fitted on"
        encodings = Encodings.from_arrow(read_frame(connection, WHOLE))
    result = _told(_link(night, encodings, model, progress, None), because, len(night.records))
    return Linked(night, result, before, because, None, night.basis, 0 if mixed else newest)


def linked_in_words(told: Mapping[str, Any], records: int) -> str:
    """What a build compared, in a sentence or two; `told`: its `build` among the parameters."""
    if told["full"]:
        said = f"Links: everything was compared: {told['because']}."
    else:
        said = f"Links: only what has changed was compared with all: {told['compared']:,} of {records:,} records."
    return said + (f" {versions_in_words(told['key_versions'])}" if "key_versions" in told else "")


def versions_in_words(told: Mapping[str, Any]) -> str:
    """What a build under two versions of the linkage key carried, and who waits, in a sentence or two."""
    under = [f"{count:,} under version {one}" for one, count in told["records"].items() if one != str(EMPTIED)]
    emptied = told["records"].get(str(EMPTIED), 0)
    under += [f"{emptied:,} without tokens, under a version that was closed"] if emptied else []
    waiting = ", ".join(f"{partner} {count:,}" for partner, count in told["waiting"].items())
    return (
        f"Linkage keys: {'; '.join(under)}. {told['carried_links']:,} links between them are carried from before; "
        + (f"new records that wait to be compared with the others: {waiting}." if waiting else "no new record waits.")
    )


def _that_can_carry(before: Before | None, night: LinkInputs, model: LinkModel) -> Before:
    if before is not None and FINGERPRINT in night.records and before.state.fitted.model == digest(model):
        return before
    raise BuildError(
        where="linking",
        rule="records stand under two versions of the linkage key, and another link model is declared than the last "
        "build used (or it left no state): what it linked across versions could not be carried, and would be lost.",
        remedy="take the model back that the last build used, until every partner has delivered under the new key.",
    )


def _carried(
    connection: dbapi.Connection, night: LinkInputs, before: Before, model: LinkModel, progress: Progress, *, full: bool
) -> Linked:
    """A night under two versions of the key. The model fitted before stands: what one version holds alone would teach
    another one. `full`: everything that can be compared is."""
    if full:
        forgotten = replace(before.state, prints=before.state.prints.iloc[:0])
        some = _changed_alone(connection, night, replace(before, state=forgotten), model, progress)
    else:
        some = _changed_alone(connection, night, before, model, progress)
    new = night.records["record_id"] > before.one_version_to
    waiting = night.records.loc[new, "partner"].astype(str).value_counts().sort_index()
    keys = {**some.parameters["key_versions"], "waiting": {name: int(count) for name, count in waiting.items()}}
    told = {**some.parameters["build"], "key_versions": keys}
    some = replace(some, parameters=some.parameters | {"build": told, "key_versions": keys})
    return Linked(night, some, before, None, before.fitted_run, before.basis, before.one_version_to)


def _changed_alone(
    connection: dbapi.Connection, night: LinkInputs, before: Before, model: LinkModel, progress: Progress
) -> LinkResult:
    """What comparing all would give, from the blocks that what has changed is in."""
    changed = changed_prints(night.records, before.state)
    ids = night.records["record_id"].to_numpy(dtype=np.int64)[changed]
    few = len(ids) <= MOST_CHANGED * len(night.records)
    encodings = (
        _partial(connection, ids, before.state, model) if few else Encodings.from_arrow(read_frame(connection, WHOLE))
    )
    result = _link(night, encodings, model, progress, before.state)
    return replace(_told(result, None, len(ids)), blocking=before.blocking)


def _link(
    night: LinkInputs, encodings: Encodings, model: LinkModel, progress: Progress, state: LinkState | None
) -> LinkResult:
    return link_persons(
        night.records, encodings, model, night.chance_agreement, night.previous, progress,
        first_new_id=night.last_person_id + 1, answers=night.answers, state=state,
    )  # fmt: skip


def _told(result: LinkResult, because: str | None, compared: int) -> LinkResult:
    told = {"full": because is not None, "because": because, "compared": compared}
    return replace(result, parameters=result.parameters | {"build": told})


def _full_because(before: Before | None, night: LinkInputs, model: LinkModel) -> str | None:
    """Why everything is to be compared; None where what has changed is enough."""
    if before is None or FINGERPRINT not in night.records:
        return "nothing stands from a build before"
    if before.state.fitted.model != digest(model):
        return "another link model is declared"
    if before.basis != night.basis:
        return "another encoding or key is in force"
    return None


def _read_before(connection: dbapi.Connection) -> Before | None:
    fit = read_frame(
        connection,
        "select f.fitted::text as fitted, f.basis, f.fitted_run, f.one_version_to, r.blocking::text as blocking"
        " from identity.link_fit f join registry.run r on r.run_id = f.fitted_run",
    ).to_pylist()
    if not fit:
        return None
    prints = read_frame(
        connection, "select record_id, fingerprint, key_version from identity.link_print order by record_id"
    )
    pairs = read_frame(
        connection,
        "select record_a, record_b, blocking_pass, pattern, key_version from identity.link_pair"
        " order by record_a, record_b",
    )
    left_out = read_frame(connection, "select pass, block from identity.link_left_out order by pass, block")
    state = LinkState(
        Fitted.from_json(fit[0]["fitted"]),
        prints.to_pandas(),
        pairs.set_column(2, "blocking_pass", pairs["blocking_pass"].dictionary_encode()).to_pandas(),
        _by_pass(left_out),
    )
    blocking = pd.DataFrame(json.loads(fit[0]["blocking"]))
    return Before(state, fit[0]["basis"], fit[0]["fitted_run"], blocking, fit[0]["one_version_to"])


def _partial(connection: dbapi.Connection, ids: NDArray[np.int64], state: LinkState, model: LinkModel) -> Encodings:
    """The whole blocks of records that have changed, and of those in blocks that have crossed the largest size; the
    homes of all that are compared."""
    rows = read_frame(connection, TOUCHED, [_listed(ids)])
    left_out = _oversized(connection, rows, state, model.largest_block)
    crossed = {
        (name, token)
        for name in {*left_out, *state.oversized}
        for token in left_out.get(name, frozenset()) ^ state.oversized.get(name, frozenset())
    }
    if crossed:
        members = read_frame(connection, MEMBERS, [_blocks(crossed)])["record_id"].to_numpy()
        ids = np.union1d(ids, members)
        rows = read_frame(connection, TOUCHED, [_listed(ids)])
    wanted = pc.unique(rows["record_id"])
    passes = sorted({name for names in model.histories.values() for name in names})
    homes = read_frame(connection, HOMES, [_listed(wanted.to_numpy()), ",".join(passes)])
    return Encodings.from_arrow(rows, homes, left_out)


def _oversized(
    connection: dbapi.Connection, rows: pa.Table, state: LinkState, largest: int
) -> dict[str, frozenset[bytes]]:
    """All blocks beyond the largest size: the size of a block changes with its members alone, so these are among the
    blocks that a changed record is in, and those that were too large before."""
    sizes = rows.group_by(["pass", "block"]).aggregate([("record_id", "count_distinct")])
    found = {
        (name, token): size
        for name, token, size in zip(*(column.to_pylist() for column in sizes.columns), strict=True)
        if size > largest
    }
    earlier = {(name, token) for name, tokens in state.oversized.items() for token in tokens}
    if earlier:
        counted = read_frame(connection, COUNTED, [_blocks(earlier)])
        columns = (counted[name].to_pylist() for name in ("pass", "block", "size"))
        found |= {(name, token): size for name, token, size in zip(*columns, strict=True) if size > largest}
    return _by_pass(pa.table({"pass": [name for name, _ in found], "block": [token for _, token in found]}))


def _by_pass(blocks: pa.Table) -> dict[str, frozenset[bytes]]:
    found: dict[str, set[bytes]] = {}
    for name, token in zip(blocks["pass"].to_pylist(), blocks["block"].to_pylist(), strict=True):
        found.setdefault(name, set()).add(token)
    return {name: frozenset(tokens) for name, tokens in found.items()}


def _listed(ids: NDArray[np.int64]) -> str:
    return ",".join(map(str, ids.tolist()))


def _blocks(blocks: set[tuple[str, bytes]]) -> str:
    return ",".join(sorted(f"{name}:{token.hex()}" for name, token in blocks))


READ = ", ".join(f"e.{name}" for name in ("record_id", "pass", "block", *FILTERS))
# Ordered, so that no result can hang on how the store has its rows.
ORDER = 'order by e.pass collate "C", e.block, e.record_id'
WHOLE = f"select {READ} from identity.encoding e {ORDER}"  # noqa: S608 - declared names only
CHOSEN = "select unnest(string_to_array($1, ',')::bigint[]) as record_id"
NAMED = """
select split_part(one, ':', 1) as pass, decode(split_part(one, ':', 2), 'hex') as block
from unnest(string_to_array($1, ',')) as one
"""
TOUCHED = f"""
with chosen as ({CHOSEN}),
     touched as (select distinct pass, block from identity.encoding join chosen using (record_id))
select {READ} from identity.encoding e join touched using (pass, block) {ORDER}
"""  # noqa: S608
HOMES = f"""
with chosen as ({CHOSEN})
select e.record_id, e.pass, e.block from identity.encoding e join chosen using (record_id)
where e.pass = any(string_to_array($2, ',')) {ORDER}
"""  # noqa: S608
MEMBERS = f"""
with named as ({NAMED})
select distinct record_id from identity.encoding join named using (pass, block) order by record_id
"""  # noqa: S608
COUNTED = f"""
with named as ({NAMED})
select e.pass, e.block, count(distinct e.record_id) as size from identity.encoding e join named using (pass, block)
group by e.pass, e.block
"""  # noqa: S608
