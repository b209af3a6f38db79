"""Who looked: readers' queries, taken from the server's log into `access.query`; and what is unusual among them.

A reader cannot write, so the server tells what each reader's query did (auto_explain, set for readers' logins only),
and the walls tell the purpose that opened it. Only what is looked at is kept: the query's text is not.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
PLAN = re.compile(r"^duration: [\d.]+ ms  plan:$")
OPENED = "wf.access "
VIEW = re.compile(r"\b(cohort|exchange|audit|registry|access)\s*\.\s*\"?([a-z_]+)\"?")
ONE = re.compile(r"\bfamily_id = '?(\d+)'?(?:::\w+)?\)")
SEVERAL = re.compile(r"\bfamily_id = ANY \('\{([\d,]+)\}'")
ASKED = re.compile(r"cohort\.(?:why|said)\('?(\d+)'?")
CONDITIONS = ("Index Cond", "Filter", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Function Call")
OWN_SCHEMAS = ("publication", "casework", "cohort", "exchange", "registry", "audit", "evidence")


@dataclass(frozen=True)
class Looked:
    """One query of a reader. `families`: those asked for by number; None where it asks for none."""

    login: str
    at: dt.datetime
    process: int
    place: int
    relations: tuple[str, ...]
    rows: int
    families: tuple[int, ...] | None
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


def read_log(lines: Iterable[str], database: str) -> Iterator[Looked]:
    """Readers' queries in a server log, of one database, in order."""
    opened: dict[int, dict[str, Any]] = {}
    places: dict[tuple[str, int], int] = {}
    for entry, more in _entries(lines):
        if entry["database"] != database or entry["level"] != "LOG":
            continue
        process, text = int(entry["process"]), entry["text"]
        if text.startswith(OPENED):
            told = _json(text.removeprefix(OPENED))
            # A query that opens families and counts has opened families.
            if told and opened.get(process, {}).get("opens") != "families":
                opened[process] = told
        elif PLAN.match(text):
            plan = _json("".join(more))
            if not plan or not str(plan.get("Query Text", "")).strip():
                continue  # inside a function: its caller is told
            told = opened.pop(process, {})
            key = (entry["at"], process)
            places[key] = places.get(key, 0) + 1
            yield _looked(entry, places[key], plan, told)


def collect(connection: psycopg.Connection[Any], logs: Iterable[Path]) -> int:
    """Take what is new in the server's logs into `access.query`; how many queries were new. Twice is once. Logged."""
    row = connection.execute("select current_database()").fetchone()
    assert row is not None
    added = 0
    for path in logs:
        if not path.exists():
            continue
        with path.open(encoding="utf-8", errors="replace") as lines:
            for one in read_log(lines, row[0]):
                added += connection.execute(
                    "insert into access.query (login, at, process, place, purpose, agreement_id, opened, relations,"
                    " rows, families) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                    (
                        one.login, one.at, one.process, one.place, one.purpose, one.agreement_id, one.opened,
                        list(one.relations), one.rows, list(one.families) if one.families is not None else None,
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
        " select q.login, q.day, count(*), sum(q.rows), coalesce(max(seen.families), 0)"
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
        " case when families is null then 'open' else 'asked' end as reach from access.query"
        " where at >= %(since)s and (%(login)s::text is null or login = %(login)s)"
        " and (%(family)s::bigint is null or %(family)s = any(families)"
        "      or (families is null and opened = 'families')) order by at",
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


def _entries(lines: Iterable[str]) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Entries of the log with the lines that belong to each."""
    entry: dict[str, str] | None = None
    more: list[str] = []
    for line in lines:
        if line.startswith("\t"):
            more.append(line)
            continue
        found = ENTRY.match(line.rstrip("\n"))
        if entry is not None:
            yield entry, more
        entry, more = (found.groupdict(default="") if found else None), []
    if entry is not None:
        yield entry, more


def _looked(entry: Mapping[str, str], place: int, plan: Mapping[str, Any], told: Mapping[str, Any]) -> Looked:
    nodes = list(_nodes(plan["Plan"]))
    conditions = " ".join(str(node[name]) for node in nodes for name in CONDITIONS if name in node)
    families = {int(one) for one in ONE.findall(conditions) + ASKED.findall(conditions)}
    families |= {int(one) for text in SEVERAL.findall(conditions) for one in text.split(",")}
    relations = {f"{node['Schema']}.{node['Relation Name']}" for node in nodes if node.get("Schema") in OWN_SCHEMAS
                 and "Relation Name" in node}  # fmt: skip
    relations |= {f"{schema}.{name}" for schema, name in VIEW.findall(str(plan["Query Text"]).lower())}
    top = plan["Plan"]
    return Looked(
        login=entry["login"],
        at=dt.datetime.strptime(entry["at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=dt.UTC),
        process=int(entry["process"]),
        place=place,
        relations=tuple(sorted(relations)),
        rows=int(float(top.get("Actual Rows", 0)) * int(top.get("Actual Loops", 1))),
        families=tuple(sorted(families)) or None,
        purpose=told.get("purpose"),
        agreement_id=told.get("agreement"),
        opened=told.get("opens"),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _row(login: str, day: dt.date, rule: str, queries: int, figure: int) -> dict[str, Any]:
    return {"login": login, "day": day, "rule": rule, "queries": int(queries), "figure": int(figure)}
