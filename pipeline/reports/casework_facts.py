"""What the run report tells of casework: cases by state, costs, the first places, progress and claims. Reading only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]
PLACES = 20  # of the list that the report explains


def read_casework(rows: Callable[..., Rows], run_id: int, pack: str) -> dict[str, Rows]:
    """By name, each empty where the run has none (an earlier run's are gone: cases have moved on since)."""
    return {
        "life": rows(LIFE, pack, run_id),
        "reviews": rows(REVIEWS, pack),
        "costs": rows(COSTS, run_id, pack),
        "places": rows(FIRST_PLACES, pack, run_id, PLACES),
        "progress": rows(PROGRESS, pack, run_id),
        "claims": rows(CLAIMS, pack, run_id),
    }


LIFE = """
select s.title, s.review, s.ended, count(*) as cases from casework.family_case c join casework.state s using (state)
where c.pack = %s and %s = (select max(run_id) from registry.run where state = 'published')
group by s.title, s.review, s.ended, s.place order by s.place
"""

REVIEWS = """
select sum(reviewed)::int as reviewed, sum(overridden)::int as overridden from cohort.review_outcome where pack = %s
having sum(reviewed) > 0
"""

COSTS = """
select agency, min(prices) as prices, sum(fiscal) as fiscal, sum(cashable) as cashable, sum(economic) as economic,
       count(distinct family_id) as families, bool_or(contains_dwp) as dwp
from cohort.family_cost where run_id = %s and family_id in
    (select family_id from cohort.family_case where merged_into is null and pack = %s)
group by agency order by fiscal desc, agency
"""

FIRST_PLACES = """
select p.place, p.score, part.part, part.title, part.points from cohort.priority p
join cohort.priority_part part using (pack, family_id)
where p.pack = %s and p.run_id = %s and p.place <= %s order by p.place, part.weight desc, part.part
"""

PROGRESS = """
select title, state, count(*) as cases from cohort.progress where pack = %s and run_id = %s
group by test, title, state order by test, state
"""

CLAIMS = """
select title, state, count(*) as claims, sum(pounds)::bigint as pounds,
       count(*) filter (where holds_now is false) as lost
from cohort.claim where pack = %s and %s = (select max(run_id) from registry.run where state = 'published')
group by title, state order by title, state
"""
