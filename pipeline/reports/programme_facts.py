"""What the run report tells of the programme: evaluations on file, effects of the latest, families beside estimates.
Reading only; all of it is as it may be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def read_programme(rows: Callable[..., Rows]) -> dict[str, Rows]:
    """By name, each empty where nothing is on file. `effects` are of the latest evaluation that is not made up."""
    return {"evaluations": rows(EVALUATIONS), "effects": rows(EFFECTS), "estimates": rows(ESTIMATES)}


EVALUATIONS = """
select name, groups_from, made_up, planted, design, families_new_model, families_usual, level, verdict, as_at
from cohort.programme_evaluation order by made_at desc, name
"""

EFFECTS = """
select * from cohort.programme_effect where name =
    (select name from cohort.programme_evaluation where not made_up order by made_at desc, name limit 1)
order by place
"""

ESTIMATES = """
select * from cohort.estimate where source = (select source from cohort.estimate order by run_id desc, source limit 1)
order by place
"""
