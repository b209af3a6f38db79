"""How long it takes to verify a log of a million entries, sign it, prove one entry, and find one edit.

    .venv/bin/python benchmarks/audit.py --entries 1000000 --home /somewhere/empty

Makes an installation of its own, fills its log by `audit.append`, measures, prints, and removes it again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from measuring import machine, peak_gb

from pipeline import audit
from pipeline.settings import Settings
from pipeline.store.credentials import Credentials
from pipeline.store.database import open_database
from pipeline.store.embedded import SUPERUSER, EmbeddedServer

FILL = """
do $$
begin
    for number in %d .. %d loop
        perform audit.append('pipeline', 'delivery accepted', 'council-' || number,
            '{"partner": "council", "rows_delivered": 1200, "rows_loaded": 1190, "rows_quarantined": 10}');
    end loop;
end $$
"""
STEP = 50_000
FIRST = 1_000  # in a session of its own: a plan made for an empty table is a bad one for a full one


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--home", type=Path, required=True, help="an empty folder")
    given = arguments.parse_args()
    settings = Settings(home=given.home.resolve())
    seconds: dict[str, float] = {}
    cpu: dict[str, float] = {}  # of this process alone: what a busy machine does not lengthen

    def timed(name: str, call: Any) -> Any:
        started, used = time.perf_counter(), time.process_time()
        result = call()
        seconds[name] = round(time.perf_counter() - started, 2)
        cpu[name] = round(time.process_time() - used, 2)
        return result

    print(machine())
    try:
        with open_database(settings, keep_running=True) as database:

            def fill() -> None:
                starts = [1, *range(FIRST + 1, given.entries + 1, STEP)]
                for first, after in zip(starts, [*starts[1:], given.entries + 1], strict=True):
                    with database.connect(autocommit=True) as connection:
                        connection.execute((FILL % (first, after - 1)).encode())
                        connection.execute("analyze audit.log")

            timed("append all", fill)
            timed("checkpoint (verifies, signs)", lambda: audit.write_checkpoint(settings, database))
            verdict = timed("verify", lambda: audit.verify(settings, database))
            assert verdict.whole, verdict.findings
            assert verdict.covered == given.entries
            proof = timed("prove one entry", lambda: audit.prove(settings, database, given.entries // 3))
            key = audit.public_key(settings)
            assert key is not None
            timed("check that proof", lambda: audit.check_proof(proof, key))
            password = Credentials(settings.hub_keys).password(SUPERUSER)
            with database.address.as_login(SUPERUSER, password).connect(autocommit=True) as superuser:
                superuser.execute("alter table audit.log disable trigger all")
                superuser.execute(b"update audit.log set actor = 'nobody' where entry_id = %d" % (given.entries // 2))
                superuser.execute("alter table audit.log enable trigger all")
            found = timed("verify, one entry edited", lambda: audit.verify(settings, database)).findings
            assert [(one.kind, one.entry) for one in found] == [("edited", given.entries // 2)]
    finally:
        EmbeddedServer(settings.postgres, settings.hub_keys).destroy()
    print(json.dumps({"entries": given.entries, "seconds": seconds, "cpu_seconds": cpu, "peak_gb": peak_gb(),
                      "hashes_in_proof": len(proof["proof"])}, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
