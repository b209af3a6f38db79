"""Kill nights at random moments, and see that nobody sees half of one and that the next run repairs everything.

    .venv/bin/python benchmarks/kills.py 1000            # how many kills
    .venv/bin/python benchmarks/kills.py 100 --per-night 25 --seed 7

The dozen people of examples/ have been published; the next night's deliveries, which differ, wait at the hub. Each
night is killed again and again (tests/kills/campaign.py says who and when) while a reader polls the live database as
the analyst: it may see the old night or the new one. In the end there must stand what an undisturbed night leaves.
Prints one line of JSON, and ends with exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.kills.campaign import campaign, told
from tests.kills.night import import_everything


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("kills", type=int)
    arguments.add_argument("--per-night", type=int, default=10, help="kills in one night (default 10)")
    arguments.add_argument("--minutes", type=float, default=float("inf"), help="begin no further night after so long")
    arguments.add_argument("--seed", type=int, default=2012)
    given = arguments.parse_args()
    import_everything()
    with tempfile.TemporaryDirectory(prefix="wholefamily kills ") as folder:
        tally = campaign(Path(folder), given.kills, given.per_night, given.seed, given.minutes)
    print(json.dumps(told(tally)))
    sys.exit(1 if any(tally.found.values()) else 0)


if __name__ == "__main__":
    main()
