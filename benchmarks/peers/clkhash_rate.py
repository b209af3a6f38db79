"""How many records a second clkhash encodes, on all cores: `python clkhash_rate.py CASE REPORT.json`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from anonlink_peer import encoded
from common import Case

if __name__ == "__main__":
    case = Case(Path(sys.argv[1]))
    people = case.clear()
    began = time.perf_counter()
    encoded(case, people)
    rate = len(people) / (time.perf_counter() - began)
    Path(sys.argv[2]).write_text(json.dumps({"records_per_second": rate, "records": len(people)}), encoding="utf-8")
