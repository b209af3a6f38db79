"""The page "what we hold about whom, why and how long", and the page of the lineage graph: made anew every night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.contracts import Agreement, agreement_for, load_agreements, refusal
from pipeline.contracts.agreement import IDENTIFY, ending, in_words
from pipeline.holdings.catalogue import Catalogue, read_catalogue
from pipeline.holdings.coverage import Uncovered, find_uncovered
from pipeline.holdings.held import Held, read_held
from pipeline.holdings.jobs import Everything, everything
from pipeline.holdings.paper import Block, Document, Heading, Links, Picture, Table, Text, as_html, write_whole
from pipeline.lineage import LEDGER_FILE, read_events
from pipeline.lineage.graph import draw, read_graph
from pipeline.settings import Settings
from pipeline.store.database import Database

HOLDINGS, LINEAGE = "holdings.html", "lineage.html"


def write_holdings_page(settings: Settings, database: Database) -> Path:
    """Write `<reports>/holdings.html` from live counts; returns its path."""
    return write_whole(settings.reports / HOLDINGS, as_html(holdings_document(settings, database)))


def write_lineage_page(settings: Settings, database: Database) -> Path:
    """Write `<reports>/lineage.html` from the ledger's events; returns its path."""
    return write_whole(settings.reports / LINEAGE, as_html(lineage_document(settings, database)))


def holdings_document(settings: Settings, database: Database) -> Document:
    """What is held tonight."""
    now = dt.datetime.now(dt.UTC)
    agreements = load_agreements(settings.declarations)
    with database.connect() as connection:
        catalogue = read_catalogue(connection)
        held = read_held(settings, connection, catalogue)
        removed = connection.execute(
            "select at::date, partner, agreement_id, removed, sealed_copies from registry.reprocessed order by at desc"
            " limit 50"
        ).fetchall()
    blocks: list[Block] = [
        Links([("How it got here: the lineage", LINEAGE)]),
        *_warnings(agreements, held, find_uncovered(settings, database), now.date()),
        Heading("In short"),
        Table(
            ["What", "How many"],
            [
                ["records of people, as partners know them", _n(held.tables["identity.record"])],
                ["persons, when records are linked", _n(held.persons)],
                ["families and households", _n(held.families)],
                ["families in the cohort now", _n(held.selected)],
                ["entries of the audit log", _n(held.tables["audit.log"])],
            ],
        ),
        *_agreements(agreements, now.date()),
        *_feeds(agreements, held, now.date()),
        *_derived(held, catalogue),
        *_readers(held),
        Heading("Removed because no agreement covers it any more"),
    ]
    if removed:
        rows = [
            [str(at), partner, agreement or "none", str(sum(one["rows"] for one in parts)), str(copies)]
            for at, partner, agreement, parts, copies in removed
        ]
        blocks.append(Table(["Day", "Partner", "Agreement", "Cells or rows", "Sealed copies"], rows))
    else:
        blocks.append(Text("Nothing so far."))
    return Document(
        "holdings", "What we hold about whom, why and how long",
        f"Counted in the live database on {now:%-d %B %Y at %H:%M} UTC. For the information governance lead: counts "
        "are exact. Names, dates of birth and identifiers are not held here in a form that can be read.", blocks,
    )  # fmt: skip


def lineage_document(settings: Settings, database: Database) -> Document:
    """The graph of what was told, and every cohort column back to the partners' own columns."""
    events = read_events(settings.lineage / LEDGER_FILE)
    graph = read_graph(events)
    with database.connect() as connection:
        catalogue = read_catalogue(connection)
    traced = everything(settings.declarations, catalogue)
    jobs = [[job, at[:19].replace("T", " "), state.lower(), str(len(graph.reads[job])), str(len(graph.writes[job]))]
            for job, (at, state) in sorted(graph.last.items())]  # fmt: skip
    blocks: list[Block] = [
        Links([("What is held", HOLDINGS)]),
        Heading("The graph"),
        Picture(
            draw(graph, "Which step reads and writes what"),
            "Rounded boxes are steps, plain ones the data they read and write, from left to right; brown arrows go "
            "back to a step of the next night. Point at a box for its tables and rows.",
            wide=True,
        ),
        Heading("Steps"),
        Table(["Step", "Last ended (UTC)", "How", "Reads", "Writes"], jobs),
        *_columns(catalogue, traced),
    ]
    return Document(
        "lineage", "Where everything comes from",
        f"Drawn from {len(events):,} lineage events (OpenLineage) in {LEDGER_FILE}; columns from the contracts, "
        "schemas/lineage.yaml and the views' own SQL.", blocks,
    )  # fmt: skip


def _warnings(
    agreements: Sequence[Agreement], held: Held, uncovered: Sequence[Uncovered], today: dt.date
) -> Iterator[Block]:
    for one in ending(agreements, today):
        yield Text(in_words(one, today).capitalize(), alarm=True)
    for partner in sorted({feed.partner for feed in held.feeds}):
        refused = refusal(agreements, partner, IDENTIFY, today)
        if refused is not None:
            yield Text(f"Held of {partner}, and nothing more is taken in: {refused.rule}", alarm=True)
    for found in uncovered:
        yield Text(
            f"Held of {found.partner} and not covered by an agreement: {found.rows:,} rows or cells in "
            f"{', '.join(sorted({one.table for one in found.removals}))}. The next governance night removes them.",
            alarm=True,
        )


def _agreements(agreements: Sequence[Agreement], today: dt.date) -> Iterator[Block]:
    yield Heading("Why: the agreements")
    for one in agreements:
        state = "in force" if one.in_force(today) else "not in force"
        yield Heading(f"{one.title} ({one.id} {one.version}, {state})", 3)
        yield Text(
            f"From {one.start} to {one.expiry} ({one.days_left(today):,} days left). "
            f"Shown for {_months(one.shown_months)}, held for {_months(one.held_months)}. {one.special_categories}"
        )
        yield Table(["Purpose", "What for"], [[name, told] for name, told in one.purposes.items()])
        rows = [
            [feed.partner, purpose, "; ".join(gateway.title for gateway in named),
             "yes" if refusal(agreements, feed.partner, purpose, today) is None else "no", feed.onward_disclosure]
            for feed in one.feeds.values() for purpose, named in feed.gateways.items()
        ]  # fmt: skip
        yield Table(["Partner", "Purpose", "Legal gateway", "Allowed today", "Onward"], rows)


def _feeds(agreements: Sequence[Agreement], held: Held, today: dt.date) -> Iterator[Block]:
    yield Heading("What, of whom, from whom")
    rows = []
    for feed in held.feeds:
        agreement = agreement_for(agreements, feed.partner, today)
        came = held.delivered.get(feed.partner, {})
        rows.append(
            [
                feed.partner, feed.table, _n(feed.rows), _n(feed.people), str(feed.first or "–"), str(feed.last or "–"),
                str(came.get("last_taken_in") or "–"), agreement.id if agreement else "none in force",
                _months(agreement.held_months) if agreement else "until retention removes it",
            ]
        )  # fmt: skip
    header = ["Partner", "Table", "Rows", "People", "First day", "Last day", "Last taken in", "Agreement", "Held for"]
    yield Table(header, rows)
    yield Heading("Sealed copies of deliveries", 3)
    yield Text("Encrypted to this hub's key, as they came; kept so that a withdrawal can go back to the one before.")
    yield Table(
        ["Partner", "Copies", "Size", "Oldest"],
        [[partner, _n(copies), f"{size / 1e6:,.1f} MB", str(oldest)]
         for partner, (copies, size, oldest) in held.sealed.items()],
    )  # fmt: skip


def _derived(held: Held, catalogue: Catalogue) -> Iterator[Block]:
    yield Heading("What follows from it: every table")
    rows = [
        [name, _n(count), catalogue.relations[name].comment]
        for name, count in held.tables.items()
        if count and not name.startswith("public.")
    ]
    yield Table(["Table", "Rows", "What a row is"], rows)


def _readers(held: Held) -> Iterator[Block]:
    yield Heading("Who may read it")
    yield Text("Groups of the database and how many tables or views of each schema they may read; rows are walled off "
               "further by district, partner and purpose. Nobody outside these groups may read anything.")  # fmt: skip
    yield Table(
        ["Group", "May read"],
        [[role, ", ".join(f"{schema} ({count})" for schema, count in schemas.items())]
         for role, schemas in held.readers.items()],
    )  # fmt: skip


def _columns(catalogue: Catalogue, traced: Everything) -> Iterator[Block]:
    yield Heading("Every published column, back to the partners")
    for name, relation in catalogue.relations.items():
        if relation.schema != "cohort":
            continue
        yield Heading(name, 3)
        rows = []
        for column in relation.columns:
            near = sorted({f"{one.dataset}.{one.column}" for one in traced.columns[name][column]})
            origins: dict[str, set[str]] = {}
            for dataset, origin in traced.origins(name, column):
                origins.setdefault(_source(dataset), set()).add(origin)
            far = "; ".join(f"{source}: {', '.join(sorted(names))}" for source, names in sorted(origins.items()))
            rows.append([column, ", ".join(near), far])
        yield Table(["Column", "Made from", "In the end from"], rows)


def _source(dataset: str) -> str:
    """Where a dataset stands in the end: the partner, or the declaration or table that it is."""
    parts = dataset.split("/")
    return parts[1] if parts[0] in ("extracts", "deliveries") else dataset


def _months(months: int | None) -> str:
    if months is None:
        return "a time the agreement does not state"
    return f"{months // 12} years" if months % 12 == 0 and months > 12 else f"{months} months"


def _n(count: int) -> str:
    return f"{count:,}"
