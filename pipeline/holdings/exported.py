"""The tables of the evidence pack: what is asked of the database, and CSV that no spreadsheet runs as a formula.

Each is a list of what was done, by whom and when: no row of a person. What another part of the program keeps is asked
for only where the catalogue has it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from pipeline.holdings.catalogue import Catalogue

FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Export:
    """One CSV file: its name, what it shows, the query, and the tables that it needs."""

    file: str
    title: str
    query: str
    needs: tuple[str, ...]


EXPORTS = (
    Export(
        "deliveries.csv", "Every delivery that reached the hub, and what became of it",
        "select delivery_id, partner, sequence, kind, state, agreement_id, contract_version, encoding_version,"
        " key_version, period_from, period_to, received_at, decided_at, rows_delivered, rows_loaded, rows_quarantined,"
        " code, manifest_sha256 from registry.delivery order by received_at",
        ("registry.delivery",),
    ),
    Export(
        "runs.csv", "Every build, and what it was made with",
        "select run_id, kind, as_at, started_at, finished_at, state, code_version, pack, pack_version, model_version"
        " from registry.run order by run_id",
        ("registry.run",),
    ),
    Export(
        "accesses.csv", "Who asked about a family or a case, and what for",
        "select entry_id, at, actor, action, subject, detail ->> 'purpose' as purpose from audit.log"
        " where subject ~ '^(family|case|person)/' order by entry_id",
        ("audit.log",),
    ),
    Export(
        "role-changes.csv", "Changes of roles and rights",
        "select entry_id, at, added.value as added, null as removed from audit.log,"
        " jsonb_array_elements_text(detail -> 'added') added where action = 'roles_changed'"
        " union all select entry_id, at, null, gone.value from audit.log,"
        " jsonb_array_elements_text(detail -> 'removed') gone where action = 'roles_changed' order by 1",
        ("audit.log",),
    ),
    Export(
        "roles.csv", "Roles as they stand",
        "select r.rolname as role, r.rolcanlogin as may_log_in, r.rolsuper as superuser,"
        " r.rolbypassrls as passes_walls,"
        " (select string_agg(g.rolname, ', ' order by g.rolname) from pg_auth_members m"
        " join pg_roles g on g.oid = m.roleid where m.member = r.oid) as member_of"
        " from pg_roles r where r.rolname !~ '^pg_' order by 1",
        (),
    ),
    Export(
        "reprocessed.csv", "Removed because no agreement covers it any more",
        "select at, partner, agreement_id, agreement_version, sealed_copies, removed from registry.reprocessed"
        " order by at",
        ("registry.reprocessed",),
    ),
    Export(
        "retention-certificates.csv", "Certificates of destruction",
        "select number, destroyed_at, rows_gone, sha256 from rights.destruction order by number",
        ("rights.destruction",),
    ),
    Export(
        "releases.csv", "What left the hub under disclosure control",
        "select release_id, name, form, made_at, actor, purpose, agreement_id, agreement_version, rule_id,"
        " rule_version, row_count, hidden, sha256 from release.release order by release_id",
        ("release.release",),
    ),
    Export(
        "logins.csv", "Logins that were given",
        "select * from access.login order by 1",
        ("access.login",),
    ),
    Export(
        "log.csv", "The last thousand entries of the audit log",
        "select entry_id, at, actor, action, subject, encode(hash, 'hex') as hash from"
        " (select * from audit.log order by entry_id desc limit 1000) recent order by entry_id",
        ("audit.log",),
    ),
)  # fmt: skip
# The log of looking, where there is one: whatever the schema of access calls it.
LOOKS = re.compile(r"access\.(look|log(?!in)|quer|read|seen)\w*")
MOST_LOOKS = 50_000


def exports(connection: psycopg.Connection[Any], catalogue: Catalogue) -> list[tuple[Export, str, int]]:
    """Each export that there is something for, as CSV, with its number of rows."""
    wanted = [one for one in EXPORTS if all(map(catalogue.has, one.needs))]
    tables = (name for name, relation in catalogue.relations.items() if not relation.is_view)
    looks = next(filter(LOOKS.fullmatch, tables), None)
    if looks is not None:
        types = {name: type_ for name, (type_, _, _) in catalogue.relations[looks].columns.items() if type_ != "bytea"}
        newest = next((name for name, type_ in types.items() if type_.startswith("timestamp")), next(iter(types)))
        listed = ", ".join(f'"{name}"' for name in types)
        query = f'select {listed} from {looks} order by "{newest}" desc limit {MOST_LOOKS}'  # noqa: S608 - catalogue's
        wanted.append(Export("looks.csv", "Every query through the roles, newest first", query, (looks,)))
    found = []
    for one in wanted:
        cursor = connection.execute(one.query.encode())
        header = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
        found.append((one, as_csv(header, rows), len(rows)))
    return found


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with every cell that a spreadsheet would take for a formula escaped."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(value, (int, float)) else text
