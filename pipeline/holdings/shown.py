"""What a demo ends with: why one family is on the list, in short, the log verified, and the evidence pack."""

from __future__ import annotations

import shlex

from pipeline import audit
from pipeline.holdings import traced
from pipeline.holdings.pack import make_pack
from pipeline.holdings.page import write_holdings_page, write_lineage_page
from pipeline.settings import Settings
from pipeline.store.database import Database
from pipeline.why import explainer
from pipeline.why.account import Answer
from pipeline.why.tables import days, headline, plain

MOST_ROWS = 4
LISTED = "select family_id from cohort.cohort where cohort_end_date is null order by family_id limit 1"


def governance_lines(settings: Settings, database: Database, home: str) -> list[str]:
    """Do what a governance night does, and tell of it in a few lines; `home` as it is to be typed."""
    lines = _why(settings, database, home)
    with traced.step(settings, "governance.roles", reads=["roles"], writes=["audit.log"]):
        audit.record_role_changes(database)
    with traced.step(settings, "governance.checkpoint", reads=["audit.log"], writes=["checkpoints"]):
        audit.write_checkpoint(settings, database)
    pages = ["reports/holdings", "reports/lineage"]
    with traced.step(settings, "governance.holdings", reads=traced.HELD, writes=pages):
        held = write_holdings_page(settings, database)
        write_lineage_page(settings, database)
    with traced.step(settings, "governance.evidence_pack", reads=traced.HELD, writes=["evidence-pack"]):
        pack = make_pack(settings, database)
    verdict = audit.verify(settings, database)
    state = "unbroken" if verdict.whole else f"NOT as it was left ({len(verdict.findings)} findings)"
    return [
        *lines,
        f"The audit log is {state}: {verdict.entries} entries, {verdict.covered} of them under a signed checkpoint.",
        f"What is held, of whom, why and how long: {held} (and lineage.html beside it)",
        f"Evidence pack: {pack.path}",
        f"  check it: .venv/bin/wholefamily verify --home {home} --pack {shlex.quote(str(pack.path))}",
    ]


def _why(settings: Settings, database: Database, home: str) -> list[str]:
    with database.connect() as connection:
        listed = connection.execute(LISTED).fetchone()
    if listed is None:
        return ["No family is on the list."]
    with explainer(settings, database) as asked:
        answer = asked.explain(listed[0])
    with database.connect() as connection:
        # An answer about a family is an access.
        detail = {"run": answer.run_id, "selected": answer.selected, "purpose": "demo"}
        audit.append(connection, "demo", "family_explained", f"family/{answer.family_id}", detail)
    more = f"  all of it: .venv/bin/wholefamily why {answer.family_id} --home {home} --purpose 'spot check'"
    return [f"Why is a family on the list? {headline(answer)}", *in_short(answer), more]


def in_short(answer: Answer) -> list[str]:
    """The criteria that are met, each with the first rows it rests on and where these came from."""
    lines = []
    for criterion in answer.criteria:
        rows = [one for one in answer.evidence if criterion.id in one.criteria]
        if criterion.state != "met":
            continue
        lines.append(f"  {criterion.title}: {'; '.join(rule.words for rule in criterion.rules if rule.met)}")
        for one in rows[:MOST_ROWS]:
            origin = one.origin
            lines.append(
                f"    {plain(one.kind)}, {days(one.start_date, one.end_date)}: {origin.file} line {origin.line} of "
                f"{origin.delivery_id}, under {origin.agreement or 'no agreement'}"
            )
        if len(rows) > MOST_ROWS:
            lines.append(f"    and {len(rows) - MOST_ROWS} rows more")
    return lines
