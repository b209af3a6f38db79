"""Who looked: readers' queries, taken from the server's log into `access.query`; and what is unusual among them.

A reader cannot write, so the server tells what each reader's query was (log_min_duration_statement, set for readers'
logins only; or pgaudit, which tells how many rows came as well), and the walls tell the purpose that opened it. Only
what is looked at is kept: the query's text is not.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from pipeline import audit
from pipeline.contracts.reading import read_yaml
from pipeline.errors import DeclarationError

ACTOR = "pipeline"
# As the embedded server writes it, or as docker/hardened.conf has it.
ENTRY = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[(?P<process>\d+)\] "
    r"(?:(?:user=)?(?P<login>[^@=\s]+)(?:@| db=)(?P<database>\S+) (?:app=.* host=\S* session=\S+ )?)?"
    r"(?P<level>[A-Z]+):  (?P<text>.*)$"
)
STATEMENT = re.compile(r"^duration: [\d.]+ ms  (?:statement|execute [^:]*): (?P<query>.*)$", re.S)
AUDITED = "AUDIT: SESSION,"
OPENED = "wf.access "
PARAMETER = re.compile(r"\$(\d+) = '((?:[^']|'')*)'")
WORD = re.compile(r'"?\b([a-z_][a-z0-9_]*)\b"?(?:\s*\.\s*"?([a-z_][a-z0-9_]*)\b"?)?')
NUMBER = r"'?(\d+)'?(?:::\w+)?"
ONE = re.compile(rf"\bfamily_id\s*=\s*{NUMBER}(?![\w.])")
SEVERAL = re.compile(r"\bfamily_id\s+in\s*\(([\d\s,']+)\)|\bfamily_id\s*=\s*any\s*\(\s*'?\{([\d\s,]+)\}")
ASKED = re.compile(rf"\b(?:why|said)\s*\(\s*{NUMBER}\s*[,)]")
# With one of these a query may show others beside those it names.
MAY_SHOW_MORE = re.compile(r"\b(?:or|not|union|intersect|except|join|with|exists|case|lateral)\b|<>|!=|;\s*\S")
READ_SCHEMAS = ("cohort", "exchange", "audit", "registry", "access", "casework", "release")


@dataclass(frozen=True)
class Looked:
    """One query of a reader. `families`: those it names by number; `no_others`: it can have shown no other. `rows` is
    None where the server does not tell."""

    login: str
    at: dt.datetime
    process: int
    place: int
    relations: tuple[str, ...]
    rows: int | None
    families: tuple[int, ...]
    no_others: bool
    purpose: str | None = None
    agreement_id: str | None = None
    opened: str | None = None


@dataclass(frozen=True)
class Unusual:
    """What counts as unusual, from `schemas/access.yaml`: more families or rows a day than this, or hours of night."""

    families_a_day: int
    rows_a_day: int
    night_from: dt.time
    night_until: dt.time
    zone: ZoneInfo

    def at_night(self, moment: dt.datetime) -> bool:
        local = moment.astimezone(self.zone).time()
        if self.night_from <= self.night_until:
            return self.night_from <= local < self.night_until
        return local >= self.night_from or local < self.night_until


def read_log(lines: Iterable[str], database: str, known: Mapping[str, str]) -> Iterator[Looked]:
    """Readers' queries in a server log, of one database, in order. `known`: names of views and functions, with and
    without their schema, by what they are called in full."""
    opened: dict[int, dict[str, Any]] = {}
    places: dict[tuple[str, int], int] = {}
    for entry in _entries(lines):
        if entry["database"] != database:
            continue
        process, text = int(entry["process"]), entry["text"]
        if text.startswith(OPENED):
            told = _json(text.removeprefix(OPENED))
            # A query that opens families and counts has opened families.
            if told and opened.get(process, {}).get("opens") != "families":
                opened[process] = told
            continue
        query, rows = _query_of(text)
        if query is None:
            continue
        found = _looked(entry, query, known)
        told = opened.pop(process, {})
        if not (found.relations or told):
            continue  # a setting, the end of a transaction
        key = (entry["at"], process)
        places[key] = places.get(key, 0) + 1
        yield replace(
            found, place=places[key], rows=rows, purpose=told.get("purpose"), agreement_id=told.get("agreement"),
            opened=told.get("opens"),
        )  # fmt: skip


def collect(connection: psycopg.Connection[Any], logs: Iterable[Path]) -> int:
    """Take what is new in the server's logs into `access.query`; how many queries were new. Twice is once. Logged."""
    row = connection.execute("select current_database()").fetchone()
    assert row is not None
    known = _known_names(connection)
    added = 0
    for path in logs:
        if not path.exists():
            continue
        with path.open(encoding="utf-8", errors="replace") as lines:
            for one in read_log(lines, row[0], known):
                added += connection.execute(
                    "insert into access.query (login, at, process, place, purpose, agreement_id, opened, relations,"
                    " rows, families, no_others) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                    " on conflict do nothing",
                    (
                        one.login, one.at, one.process, one.place, one.purpose, one.agreement_id, one.opened,
                        list(one.relations), one.rows, list(one.families) or None, one.no_others,
                    ),
                ).rowcount  # fmt: skip
    if added:
        audit.append(connection, ACTOR, "accesses_collected", "access/query", {"queries": added})
    return added


def load_unusual(declarations: Path) -> Unusual:
    """What counts as unusual. Raises DeclarationError."""
    path = declarations / "access.yaml"
    told = read_yaml(path).get("unusual")
    if not isinstance(told, dict) or set(told) != {"families_a_day", "rows_a_day", "night", "zone"}:
        raise DeclarationError(
            where=str(path),
            rule="it does not say what counts as unusual.",
            remedy="name families_a_day, rows_a_day, night (from, until) and zone under unusual.",
        )
    first, last = (dt.time.fromisoformat(text) for text in told["night"])
    return Unusual(int(told["families_a_day"]), int(told["rows_a_day"]), first, last, ZoneInfo(told["zone"]))


def unusual_accesses(connection: psycopg.Connection[Any], rules: Unusual, since: dt.datetime) -> list[dict[str, Any]]:
    """What stands out: one row per login, day and rule (`many_families`, `many_rows`, `at_night`, `out_of_district`),
    with how many queries it is about and the figure."""
    found: list[dict[str, Any]] = []
    zone = rules.zone.key
    days = connection.execute(
        "with q as (select *, (at at time zone %s)::date as day from access.query where at >= %s),"
        " seen as (select login, day, count(distinct f) as families from q, unnest(q.families) f group by 1, 2)"
        " select q.login, q.day, count(*), coalesce(sum(q.rows), 0), coalesce(max(seen.families), 0)"
        " from q left join seen using (login, day) group by 1, 2 order by 2, 1",
        (zone, since),
    ).fetchall()
    for login, day, queries, rows, families in days:
        if families > rules.families_a_day:
            found.append(_row(login, day, "many_families", queries, families))
        if rows > rules.rows_a_day:
            found.append(_row(login, day, "many_rows", queries, rows))
    nights: dict[tuple[str, dt.date], int] = {}
    for login, at in connection.execute("select login, at from access.query where at >= %s order by at", (since,)):
        if rules.at_night(at):
            day = at.astimezone(rules.zone).date()
            nights[login, day] = nights.get((login, day), 0) + 1
    found += [_row(login, day, "at_night", queries, queries) for (login, day), queries in nights.items()]
    elsewhere = connection.execute(
        "select q.login, (q.at at time zone %s)::date, count(distinct (q.at, q.process, q.place)), count(distinct f)"
        " from access.query q join access.login l on l.login = q.login and l.reader = 'caseworker',"
        " unnest(q.families) f where q.at >= %s and f not in (select access.own_families(q.login::name))"
        " group by 1, 2 order by 2, 1",
        (zone, since),
    ).fetchall()
    found += [_row(login, day, "out_of_district", queries, families) for login, day, queries, families in elsewhere]
    return sorted(found, key=lambda one: (one["day"], one["login"], one["rule"]))


def accesses(
    connection: psycopg.Connection[Any], *, family: int | None, login: str | None, since: dt.datetime
) -> list[dict[str, Any]]:
    """Every access since a moment, of a family (also queries that may have shown it) or by a login: by SQL, and by the
    hub's commands. `asked`: the family by its number; `open`: it was among those that the query may have shown."""
    by_sql = connection.execute(
        "select at, login as who, 'sql' as way, coalesce(purpose, '') as purpose,"
        " array_to_string(relations, ', ') as what, rows, families,"
        " case when no_others then 'asked' else 'open' end as reach from access.query"
        " where at >= %(since)s and (%(login)s::text is null or login = %(login)s)"
        " and (%(family)s::bigint is null or %(family)s = any(families)"
        "      or (not no_others and opened = 'families')) order by at",
        {"since": since, "login": login, "family": family},
    ).fetchall()
    by_command = connection.execute(
        "select at, actor as who, 'command' as way, coalesce(detail ->> 'purpose', detail ->> 'why', '') as purpose,"
        " action as what, null::bigint as rows, array[substring(subject from 'family/(\\d+)')::bigint] as families,"
        " 'asked' as reach from audit.log where at >= %(since)s and subject ~ '^family/\\d+$'"
        " and (%(login)s::text is null or actor = %(login)s)"
        " and (%(family)s::bigint is null or subject = 'family/' || %(family)s::text) order by at",
        {"since": since, "login": login, "family": family},
    ).fetchall()
    names = ("at", "who", "way", "purpose", "what", "rows", "families", "reach")
    rows = [dict(zip(names, row, strict=True)) for row in (*by_sql, *by_command)]
    return sorted(rows, key=lambda one: one["at"])


def _entries(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Entries of the log, with the lines that belong to each and the parameters of a query put into its text."""
    entry: dict[str, str] | None = None
    beside = False  # in the lines of a context
    for line in lines:
        if line.startswith("\t"):
            if entry is not None and not beside:
                entry["text"] += "\n" + line.strip()
            continue
        found = ENTRY.match(line.rstrip("\n"))
        beside = found is not None and found["level"] != "LOG"
        if found and found["level"] in ("DETAIL", "CONTEXT", "STATEMENT", "HINT"):
            if entry is not None and found["level"] == "DETAIL" and found["process"] == entry["process"]:
                entry["text"] = _with_parameters(entry["text"], found["text"])
            continue
        if entry is not None:
            yield entry
        entry = found.groupdict(default="") if found and found["level"] == "LOG" else None
    if entry is not None:
        yield entry


def _with_parameters(text: str, detail: str) -> str:
    values = dict(PARAMETER.findall(detail))
    return re.sub(r"\$(\d+)", lambda one: f"'{values[one[1]]}'" if one[1] in values else one[0], text)


def _query_of(text: str) -> tuple[str | None, int | None]:
    """The query that an entry tells of, and how many rows came of it where that is told."""
    found = STATEMENT.match(text)
    if found:
        return found["query"], None
    if not text.startswith(AUDITED):
        return None, None
    cells = next(csv.reader([text.removeprefix("AUDIT: ").replace("\n", " ")]), [])
    if len(cells) < 8 or cells[3] != "READ":
        return None, None
    return cells[7], int(cells[9]) if len(cells) > 9 and cells[9].isdigit() else None


def _looked(entry: Mapping[str, str], query: str, known: Mapping[str, str]) -> Looked:
    low = query.lower()
    words = {name for one in WORD.findall(low) for name in (f"{one[0]}.{one[1]}" if one[1] else one[0],)}
    relations = tuple(sorted({known[word] for word in words if word in known}))
    families = {int(one) for one in ONE.findall(low) + ASKED.findall(low)}
    families |= {
        int(one)
        for pair in SEVERAL.findall(low)
        for text in pair
        for one in text.replace("'", "").split(",")
        if one.strip()
    }
    return Looked(
        login=entry["login"],
        at=dt.datetime.strptime(entry["at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=dt.UTC),
        process=int(entry["process"]),
        place=0,
        relations=relations,
        rows=None,
        families=tuple(sorted(families)),
        no_others=bool(families) and len(relations) == 1 and not MAY_SHOW_MORE.search(low),
    )


def _known_names(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Views, tables and functions that readers may name; without a schema what stands in their own path is meant."""
    rows = connection.execute(
        "select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'v') and n.nspname = any(%(schemas)s)"
        " union select n.nspname::text, p.proname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname = 'cohort'",
        {"schemas": list(READ_SCHEMAS)},
    ).fetchall()
    known = {f"{schema}.{name}": f"{schema}.{name}" for schema, name in rows}
    for schema in ("registry", "audit", "exchange", "cohort"):  # the last has the say
        known |= {name: f"{schema}.{name}" for of, name in rows if of == schema}
    return known


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _row(login: str, day: dt.date, rule: str, queries: int, figure: int) -> dict[str, Any]:
    return {"login": login, "day": day, "rule": rule, "queries": int(queries), "figure": int(figure)}
