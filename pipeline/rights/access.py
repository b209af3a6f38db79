"""Subject access (Art 15): everything held about a person, as a folder that can be handed to them.

`index.html` to read, one CSV per sort of rows (no cell runs as a formula), `account.json`, and `manifest.json` with the
hash of every file. The partner that passed the request on gives it to the person, after somebody has read it.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from pipeline.contracts import Agreement, load_agreements
from pipeline.contracts.agreement import agreement_for
from pipeline.errors import RightsError
from pipeline.rights.account import Account, Row, read_account
from pipeline.rights.acts import Asked, Done, note_access
from pipeline.rights.sections import SECTIONS
from pipeline.settings import Settings
from pipeline.store.database import Database

FORMULA = ("=", "+", "-", "@", "\t", "\r")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Feed:
    """Why one partner's data are held: for people to read."""

    partner: str
    agreement: str
    purposes: str
    gateways: str
    recipients: str
    shown_months: int | None
    held_months: int | None


@dataclass(frozen=True)
class Given:
    """The folder that was written."""

    folder: Path
    done: Done
    rows: dict[str, int]
    not_shown: tuple[str, ...]


def give_access(settings: Settings, database: Database, asked: Asked, folder: Path) -> Given:
    """Write the folder; the request is recorded first. Raises RightsError where the folder holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise RightsError(
            where=str(folder), rule="there is something in it already.", remedy="name a new folder for this person."
        )
    agreements = load_agreements(settings.declarations)
    partner = asked.references[0][0]
    done = note_access(settings, database, asked)
    with database.connect() as connection:
        account = read_account(
            connection, asked.references, [tag for _, tag in asked.tags], closed_to(agreements, partner), asked.doubtful
        )
        connection.rollback()
    made = dt.datetime.now(dt.UTC)
    feeds = feeds_of(agreements, sorted({of for of, _ in asked.references}), made.date())
    _write(folder, account, feeds, done, partner, made)
    return Given(folder, done, {name: len(rows) for name, rows in account.rows.items() if rows}, account.not_shown)


def closed_to(agreements: Sequence[Agreement], partner: str) -> list[str]:
    """Partners whose feed may not be passed on to this one."""
    feeds = [feed for agreement in agreements for feed in agreement.feeds.values()]
    return sorted({feed.partner for feed in feeds if feed.onward_blocked and feed.partner != partner})


def feeds_of(agreements: Sequence[Agreement], partners: Sequence[str], on: dt.date) -> list[Feed]:
    """Purpose, legal gateway, recipients and retention of each partner's feed, by the agreement in force."""
    found = []
    for partner in partners:
        agreement = agreement_for(agreements, partner, on)
        if agreement is not None:
            feed = agreement.feeds[partner]
            found.append(
                Feed(partner, f"{agreement.title} ({agreement.id}, {agreement.version})",
                     " ".join(agreement.purposes.get(one, one) for one in feed.purposes), feed.gateway,
                     feed.onward_disclosure, agreement.shown_months, agreement.held_months)
            )  # fmt: skip
    return found


def escaped(cell: Any) -> str:
    """A cell that no spreadsheet runs: an apostrophe before what would begin a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(cell, int | float) else text


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV, each cell escaped."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(list(rows[0]) if rows else [])
    writer.writerows([escaped(cell) for cell in row.values()] for row in rows)
    return out.getvalue()


def _write(folder: Path, account: Account, feeds: Sequence[Feed], done: Done, partner: str, made: dt.datetime) -> None:
    files = {f"{name}.csv": as_csv(rows) for name, rows in account.rows.items() if rows}
    told = {
        "request": done.request, "passed_on_by": partner, "made_at": made.isoformat(timespec="seconds"),
        "why": [asdict(feed) for feed in feeds], "not_shown": account.not_shown, "rows": account.rows,
        "stands_in": account.places,
    }  # fmt: skip
    files["account.json"] = json.dumps(told, indent=1, default=str) + "\n"
    files["index.html"] = _page(account, feeds, done, partner, made)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        _write_private(folder / name, text)
    manifest = {
        "request": done.request, "made_at": told["made_at"],
        "files": [
            {"name": name, "sha256": hashlib.sha256(text.encode()).hexdigest(),
             "rows": len(account.rows.get(name.removesuffix(".csv"), ()))}
            for name, text in sorted(files.items())
        ],
    }  # fmt: skip
    _write_private(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def _page(account: Account, feeds: Sequence[Feed], done: Done, partner: str, made: dt.datetime) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    sections = [(section, account.rows[section.name]) for section in SECTIONS if account.rows[section.name]]
    return environment.get_template("access.html.j2").render(
        sections=sections, feeds=feeds, request=done.request, partner=partner, made=f"{made:%d %B %Y, %H:%M} UTC",
        not_shown=account.not_shown, empty=[one.title for one in SECTIONS if not account.rows[one.name]],
    )  # fmt: skip


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
