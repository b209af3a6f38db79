"""What stands of a person outside the database, at the hub: sealed copies of deliveries, and pages about families.

A sealed copy cannot be changed for one person: the partner has signed it. Copies that may hold somebody who was erased
are deleted whole (docs/adr/0046). The partner has its own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterable
from typing import Any

import psycopg

from pipeline.settings import Settings

# Pages of counts, codes and line numbers: they name no family and no person.
NAMES_NOBODY = re.compile(r"^(run|delivery|programme|estimates|records|summary)")
READ = (".html", ".svg", ".json", ".csv", ".txt", ".md")


def delete_sealed(settings: Settings, connection: psycopg.Connection[Any], partners: Iterable[str]) -> int:
    """Delete the hub's sealed copies of these partners' deliveries, accepted and rejected; returns how many there were.

    What waits in a landing folder stays: the next ingest takes it in without the person, and keeps no copy of it.
    """
    deleted = 0
    for partner in sorted(set(partners)):
        for folder in (settings.accepted(partner), settings.rejected(partner)):
            for copy in sorted(folder.iterdir()) if folder.is_dir() else ():
                shutil.rmtree(copy)
                deleted += 1
        connection.execute(
            "update registry.delivery set sealed_deleted_at = clock_timestamp() where partner = %s"
            " and state <> 'received' and sealed_deleted_at is null",
            (partner,),
        )
    return deleted


def delete_pages(settings: Settings, numbers: Collection[int], references: Collection[bytes]) -> int:
    """Delete the pages about single families, persons and records of these ids or pseudonyms; they can be made anew.

    An id that happens to be a count on another page costs that page too. Returns how many pages went.
    """
    words = [b"%d" % one for one in sorted(numbers)] + [one.hex().encode() for one in sorted(references)]
    if not words or not settings.reports.is_dir():
        return 0
    wanted = re.compile(rb"(?<![0-9A-Za-z])(?:" + b"|".join(words) + rb")(?![0-9A-Za-z])")
    gone = 0
    for path in sorted(settings.reports.rglob("*")):
        if not path.is_file() or NAMES_NOBODY.match(path.name) or path.suffix not in READ:
            continue
        if wanted.search(path.name.encode()) or wanted.search(path.read_bytes()):
            path.unlink(missing_ok=True)
            gone += 1
    return gone
