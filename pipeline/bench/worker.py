"""One step of our linkage on a case, as a process of its own, so that it is measured by itself.

python -m pipeline.bench.worker encode CASE       the partners' part
python -m pipeline.bench.worker link CASE OUT     the hub's part
python -m pipeline.bench.worker explain CASE OUT  blocking recall and what was missed, with the truth (not measured)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline.bench.case import read_case


def main(step: str, folder: Path, out: Path | None = None) -> None:
    """Run a step. `encode` needs no `out`."""
    case = read_case(folder)
    if step == "encode":
        from pipeline.bench.encoded import encode_case

        encode_case(case)
        return
    assert out is not None
    if step == "link":
        from pipeline.bench.linked import link_case

        link_case(case, out)
        return
    from pipeline.bench.misses import explain

    (out / "explained.json").write_text(json.dumps(explain(case, out)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:]))
