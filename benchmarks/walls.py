"""Every mutant of the walls, one after another: how many are found, and by what.

    python benchmarks/walls.py [EVERY]

A mutant is one statement that opens or shuts a wall by mistake: a policy dropped or opened, a grant more or less, a
view without barrier, a function with a loose search path or another body, a membership, a power, a purpose, a closed
feed forgotten. Each is done in a transaction on a world of a few families and rolled back. EVERY takes every so many of
each kind.
Ends with exit code 1 when fewer than 95 in 100 are found.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the world is the tests' own

from pipeline.access.check import check_walls
from pipeline.access.logins import Login, add_login
from pipeline.settings import PROJECT, Settings
from pipeline.store.credentials import Credentials
from pipeline.store.database import open_database
from pipeline.store.embedded import SUPERUSER, EmbeddedServer
from tests.walls.mutants import chosen, killed
from tests.walls.world import READERS, fill

LEAST = 0.95


def main(every: int) -> int:
    with tempfile.TemporaryDirectory(prefix="walls ") as folder:
        settings = Settings(home=Path(folder) / "home")
        server = EmbeddedServer(settings.postgres, settings.hub_keys)
        try:
            return _measure(settings, every)
        finally:
            server.destroy()


def _measure(settings: Settings, every: int) -> int:
    mutants = chosen(every)
    with open_database(settings) as database:
        logins = {name: f"{name}_{secrets.token_hex(2)}" for name in READERS}
        with database.connect() as connection:
            fill(connection, logins["own"])
        for name, login in logins.items():
            add_login(database, Login(name=login, **READERS[name]), by="bench", folder=settings.home / "logins")
        password = Credentials(settings.hub_keys).password(SUPERUSER)
        superuser = database.address.as_login(SUPERUSER, password)
        with superuser.connect(autocommit=True) as connection:
            begun = time.perf_counter()
            walls = check_walls(connection, PROJECT / "schemas")
            seconds = time.perf_counter() - begun
            print(f"{walls.cells} cells tried in {seconds:.1f} s, {walls.open} open;", end=" ")
            print(f"unexpected {len(walls.unexpected)}, missing {len(walls.missing)}, else {len(walls.other)}")
            if not walls.stand:
                print(
                    "The walls do not stand as declared, and every mutant would count as found: wholefamily roles check"
                )
                return 1
            begun = time.perf_counter()
            found = {mutant: killed(connection, mutant, logins) for mutant in mutants}
        seconds = time.perf_counter() - begun
    for group, of in Counter(mutant.group for mutant in found).items():
        by = Counter(how for mutant, how in found.items() if mutant.group == group and how)
        print(f"{group:24} {by.total():4} of {of:4}   {', '.join(f'{how} {count}' for how, count in by.items())}")
    alive = [mutant for mutant, how in found.items() if how is None]
    for mutant in alive:
        print(f"lives: {mutant}")
    share = 1 - len(alive) / len(found)
    print(f"{len(found) - len(alive)} of {len(found)} mutants found ({share:.1%}; asked {LEAST:.0%}), {seconds:.0f} s")
    return 0 if walls.stand and share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
