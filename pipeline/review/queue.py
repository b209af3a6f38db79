"""The review queue: which pairs of records to put before a person first.

A pair's value is what an answer is expected to save: the chance that it changes who is one person, weighed by what the
mistake would cost. The thresholds themselves say the costs: linking from probability t on means that a wrong link
costs t / (1 - t) times a missed one. So pairs close to the threshold come first, on either side.

Before all others come the pairs whose doubt would change a flag (`publication.link_stakes`); then a pair that touches a
family with a flag counts more. The evaluating role says only which pairs and persons these are, never why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.contracts import LinkModel
from pipeline.contracts.review import ReviewRules, load_review
from pipeline.explain.read import EVALUATOR, LINKER, Reader, Row
from pipeline.link.answers import CANNOT_TELL
from pipeline.settings import Settings
from pipeline.store.database import Database

REVIEWED = ("possible", "cut")
MOST_READ = 200_000


@dataclass(frozen=True)
class QueueEntry:
    """A pair for review. `value`: expected saving of an answer, in missed links; `flags`: how many would be otherwise
    if the link were; `also`: further pairs between the same two persons, which one answer settles too; `asked`:
    partners that have been asked and have not replied."""

    record_a: int
    partner_a: str
    record_b: int
    partner_b: str
    pattern: str
    total: float
    probability: float
    decision: str
    together: bool
    value: float
    flags: int = 0
    also: int = 0
    asked: tuple[str, ...] = ()


def review_queue(
    database: Database,
    settings: Settings,
    *,
    decisions: Iterable[str] = REVIEWED,
    partner: str | None = None,
    again: bool = False,
) -> list[QueueEntry]:
    """Pairs without an answer: those that a flag hangs on first, then the most valuable. Raises BuildError before the
    first build.

    `again`: those that were answered `cannot_tell` too. Of several pairs between the same two persons only the first is
    listed.
    """
    rules = load_review(settings.declarations)
    with database.connect(LINKER) as connection:
        reader = Reader(connection)
        night = reader.night(settings)
        prior = float(night.parameters["prior_bits"])
        rows = reader.rows(QUEUE, list(decisions), partner, partner, partner, night.model.match_threshold, MOST_READ)
        asked = _asked(reader)
        support = _support(reader, rows)
    touching, stakes = touching_flags(database), read_stakes(database)
    # An answer about one pair settles all pairs between the same two persons, until a build shows what remains.
    settled = {_persons(row) for row in rows if row["answer"] and not (again and row["answer"] == CANNOT_TELL)}
    entries = []
    for row in rows:
        if _persons(row) in settled:
            continue
        pair = (row["record_a"], row["record_b"])
        together = row["person_a"] == row["person_b"]
        chance = max(float(row["probability"]), support.get(pair, 0.0))
        value = value_of(row["decision"], chance, together, night.model, rules)
        counts = rules.touches_flag if {row["person_a"], row["person_b"]} & touching else 1.0
        entries.append(
            QueueEntry(
                record_a=row["record_a"],
                partner_a=row["partner_a"],
                record_b=row["record_b"],
                partner_b=row["partner_b"],
                pattern=row["pattern"],
                total=prior + float(row["weight"]),
                probability=float(row["probability"]),
                decision=row["decision"],
                together=together,
                value=value * counts,
                flags=stakes.get(pair, 0),
                asked=asked.get(pair, ()),
            )
        )
    return one_per_persons(entries, {(row["record_a"], row["record_b"]): _persons(row) for row in rows})


def value_of(decision: str, probability: float, together: bool, model: LinkModel, rules: ReviewRules) -> float:
    """Expected saving of an answer, in missed links: p where two are kept apart, (1 - p) times the cost of a wrong link
    where they are one person."""
    chance = rules.cut_is_same if decision == "cut" else probability
    cost_of_wrong_link = model.match_threshold / (1 - model.match_threshold)
    return (1 - chance) * cost_of_wrong_link if together else chance


def one_per_persons(
    entries: Iterable[QueueEntry], persons: Mapping[tuple[int, int], tuple[int, ...]]
) -> list[QueueEntry]:
    """The first pair between each two persons, in the queue's order; pairs within one person all stay."""
    kept: dict[tuple[int, ...], QueueEntry] = {}
    for one in sorted(entries, key=in_order):
        key = persons[one.record_a, one.record_b]
        kept[key] = replace(kept[key], also=kept[key].also + 1) if key in kept else one
    return list(kept.values())


def in_order(entry: QueueEntry) -> tuple[bool, float, int, int]:
    """What the queue is sorted by: a flag hangs on it, then its value."""
    return (entry.flags == 0, -entry.value, entry.record_a, entry.record_b)


def _persons(row: Row) -> tuple[int, ...]:
    """What tells pairs apart that need an answer of their own: the two persons, or the two records of one person."""
    if row["person_a"] is None or row["person_b"] is None or row["person_a"] == row["person_b"]:
        return (0, row["record_a"], row["record_b"])
    return (1, *sorted((row["person_a"], row["person_b"])))


def touching_flags(database: Database) -> set[int]:
    """Persons of families that are flagged or meet a criterion, as the evaluating role says; no more than their ids."""
    with database.connect(EVALUATOR) as connection:
        return {row[0] for row in connection.execute(TOUCHING.encode()).fetchall()}


def read_stakes(database: Database) -> dict[tuple[int, int], int]:
    """By pair of records, how many flags would be otherwise if their link were, as the evaluating role says."""
    with database.connect(EVALUATOR) as connection:
        return {(a, b): int(flags) for a, b, flags in connection.execute(STAKES).fetchall()}


def _asked(reader: Reader) -> dict[tuple[int, int], tuple[str, ...]]:
    """By pair of records, the partners whose reply to an open question is awaited."""
    waiting: dict[tuple[int, int], tuple[str, ...]] = {}
    for row in reader.rows(WAITING):
        pair = (min(row["record_a"], row["record_b"]), max(row["record_a"], row["record_b"]))
        waiting[pair] = tuple(sorted(row["partners"]))
    return waiting


def _support(reader: Reader, rows: Iterable[Row]) -> dict[tuple[int, int], float]:
    """For pairs within one person, how likely they are one by way of the record that agrees best with both."""
    inside = [row for row in rows if row["person_a"] is not None and row["person_a"] == row["person_b"]]
    members = [row["record_id"] for row in reader.members({row["person_a"] for row in inside})]
    links: dict[int, dict[int, float]] = {one: {} for one in members}
    for link in reader.links_of(members):
        links.setdefault(link["record_a"], {})[link["record_b"]] = float(link["probability"])
        links.setdefault(link["record_b"], {})[link["record_a"]] = float(link["probability"])
    found = {}
    for row in inside:
        one, other = links[row["record_a"]], links[row["record_b"]]
        through = one.keys() & other.keys()
        found[row["record_a"], row["record_b"]] = max((min(one[by], other[by]) for by in through), default=0.0)
    return found


QUEUE = """
select l.record_a, a.partner as partner_a, l.record_b, b.partner as partner_b, l.pattern, l.weight, l.probability,
       l.decision, pa.person_id as person_a, pb.person_id as person_b, last.answer
from identity.link l
join identity.record a on a.record_id = l.record_a
join identity.record b on b.record_id = l.record_b
left join identity.person pa on pa.record_id = l.record_a
left join identity.person pb on pb.record_id = l.record_b
left join lateral (
    select answer from identity.review_answer
    where (partner_a, person_ref_a, partner_b, person_ref_b) = (a.partner, a.person_ref, b.partner, b.person_ref)
       or (partner_a, person_ref_a, partner_b, person_ref_b) = (b.partner, b.person_ref, a.partner, a.person_ref)
    order by answer_id desc limit 1
) last on true
where l.decision = any(%s) and (%s::text is null or a.partner = %s or b.partner = %s)
order by abs(l.probability - %s), l.record_a, l.record_b limit %s
"""
WAITING = """
select a.record_id as record_a, b.record_id as record_b, array_agg(distinct side.partner) as partners
from identity.review_question q
cross join lateral (values (q.partner_a), (q.partner_b)) as side (partner)
join identity.record a on (a.partner, a.person_ref) = (q.partner_a, q.person_ref_a)
join identity.record b on (b.partner, b.person_ref) = (q.partner_b, q.person_ref_b)
where q.expires_on >= current_date
  and not exists (select from identity.review_reply r where r.question_id = q.question_id and r.partner = side.partner)
  and not exists (select from identity.review_answer r where r.question_id = q.question_id)
group by 1, 2
"""
STAKES = "select record_a, record_b, flags from publication.link_stakes"
TOUCHING = """
select distinct m.person_id from publication.family_member m
where m.end_date is null
  and exists (select from publication.criterion_result c where c.family_id = m.family_id and c.state = 'met')
"""
