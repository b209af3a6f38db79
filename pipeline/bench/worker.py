"""One step of our linkage on a case, as a process of its own, so that it is measured by itself.

python -m pipeline.bench.worker encode CASE       the partners' part
python -m pipeline.bench.worker link CASE OUT     the hub's part
python -m pipeline.bench.worker explain CASE OUT  blocking recall and what was missed, with the truth (not measured)
python -m pipeline.bench.worker clear CASE OUT    the same linkage on names and dates as they are (not measured)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline.bench.case import Case, read_case


def main(step: str, folder: Path, out: Path | None = None) -> None:
    """Run a step; all but `encode` leave their results in `out`."""
    case = read_case(folder)
    if step == "encode":
        from pipeline.bench.encoded import encode_case

        encode_case(case)
        return
    assert out is not None
    {"link": _link, "explain": _explain, "clear": _clear}[step](case, out)


def _link(case: Case, out: Path) -> None:
    from pipeline.bench.linked import link_case

    link_case(case, out)


def _explain(case: Case, out: Path) -> None:
    from pipeline.bench.misses import explain

    (out / "explained.json").write_text(json.dumps(explain(case, out)), encoding="utf-8")


def _clear(case: Case, out: Path) -> None:
    from pipeline.bench.encoded import encode_case
    from pipeline.bench.in_clear import identical_groups
    from pipeline.bench.linked import link_case

    encode_case(case, in_clear=True)
    link_case(case, out / "in_clear", in_clear=True)
    same = identical_groups(out / "clusters.parquet", out / "in_clear" / "clusters.parquet")
    (out / "in_clear.json").write_text(json.dumps({"identical": same}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:]))
