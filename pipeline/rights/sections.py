"""The sections of a subject's account: which rows of which tables, with the delivered line behind each.

A query speaks of the person by the temporary tables of `remove.mark`; `closed` are the partners whose feed is not shown
to who asked. Nothing of anybody else is selected, but counts.
"""

from __future__ import annotations

from dataclasses import dataclass

FACTS = """
select f.partner, f.kind, f.code, f.role, f.start_date, f.end_date, f.quantity, f.out_of, f.delivery_id,
       f.table_name as file, f.row_number as line, d.decided_at::date as received_on, d.agreement_id,
       exists (select from rights.contest c where c.state = 'open' and (c.record_id, c.delivery_id, c.table_name,
               c.row_number) = (f.record_id, f.delivery_id, f.table_name, f.row_number)) as contested
from evidence.fact f join gone_record g using (record_id) join registry.delivery d using (delivery_id)
where f.partner <> all(%(closed)s::text[]) order by f.start_date, f.partner, f.delivery_id, f.table_name, f.row_number
"""
ORIGIN = "t.delivery_id, '{file}' as file, t.row_number as line, d.decided_at::date as received_on, d.agreement_id"
OPEN = "t.partner <> all(%(closed)s::text[])"


@dataclass(frozen=True)
class Section:
    """Rows of one sort: what they are, and the query. `closed`: the parameter for feeds that are not shown."""

    name: str
    title: str
    about: str
    query: str


def _of(table: str, columns: str, file: str, order: str) -> str:
    return (
        f"select t.partner, {columns}, {ORIGIN.format(file=file)} from {table} t join gone_record g using (record_id)"  # noqa: S608
        f" join registry.delivery d using (delivery_id) where {OPEN} order by {order}"
    )


SECTIONS = (
    Section(
        "records", "Records", "Each record of you that a partner delivered, and which keyed codes were made of it. The "
        "codes cannot be read by us; the partner can tell you the names and numbers behind them.",
        """
        select t.partner, t.sex, a.birth_month, t.nino_token is not null as has_nino_code,
               t.nhs_number_token is not null as has_nhs_number_code, t.upn_token is not null as has_upn_code,
               t.pnc_id_token is not null as has_pnc_code, t.address_token is not null as has_address_code,
               (select count(*) from identity.encoding e where e.record_id = t.record_id) as name_codes,
               t.delivery_id, 'people' as file, t.row_number as line, d.decided_at::date as received_on, d.agreement_id
        from identity.record t join gone_record g using (record_id) join registry.delivery d using (delivery_id)
        left join evidence.person_attribute a using (record_id)
        where t.partner <> all(%(closed)s::text[]) order by t.partner, t.delivery_id, t.row_number
        """,
    ),
    Section("facts", "Facts", "Dated facts that partners sent about you.", FACTS),
    Section(
        "residences", "Places", "Where partners say you lived: an area code, and a number of ours for the place.",
        _of("evidence.residence", "dense_rank() over (order by t.place_id) as place, t.area, t.start_date, t.end_date",
            "residences", "t.start_date, t.delivery_id, t.row_number"),
    ),
    Section(
        "relationships", "Relations", "Relations between you and other people, who are not named here.",
        """
        select t.partner, t.relation, case when g.record_id = t.record_id then 'the other is your' else
               'you are the other''s' end as reads, t.start_date, t.end_date, t.delivery_id, 'relationships' as file,
               t.row_number as line, d.decided_at::date as received_on, d.agreement_id
        from evidence.relationship t join gone_record g on g.record_id in (t.record_id, t.related_record_id)
        join registry.delivery d using (delivery_id)
        where t.partner <> all(%(closed)s::text[]) order by t.start_date, t.delivery_id, t.row_number
        """,
    ),
    Section(
        "nominations", "Nominations", "A partner thought that your family could do with help.",
        _of("evidence.nomination", "t.nominated_on, t.rank, t.reason_code", "nominations",
            "t.nominated_on, t.delivery_id"),
    ),
    Section(
        "quarantined", "Rows that were not used",
        "Rows about you that had a fault: only the line and the fault are kept.",
        """
        select d.partner, q.reason, q.column_name, q.delivery_id, q.table_name as file, q.row_number as line,
               d.decided_at::date as received_on, d.agreement_id
        from registry.quarantine q join identity.quarantined_row r using (delivery_id, table_name, row_number)
        join registry.delivery d using (delivery_id)
        where (d.partner, r.person_ref) in (select partner, person_ref from gone_ref)
        and d.partner <> all(%(closed)s::text[])
        order by q.delivery_id, q.table_name, q.row_number
        """,
    ),
    Section(
        "links", "How the records were joined",
        "Two records of partners that we take to be yours, and how sure we are.",
        """
        select a.partner as one_partner, b.partner as other_partner, l.decision, l.probability, l.model_version
        from identity.link l join gone_record a on a.record_id = l.record_a
        join gone_record b on b.record_id = l.record_b
        where a.partner <> all(%(closed)s::text[]) and b.partner <> all(%(closed)s::text[]) order by 1, 2
        """,
    ),
    Section(
        "families", "Families", "Families we take you to belong to. Others in them are counted and not named.",
        """
        select m.family_id, m.role, m.start_date, m.end_date, m.reason, m.confidence,
               (select count(distinct o.person_id) from publication.family_member o where o.family_id = m.family_id
                and o.person_id <> m.person_id and o.end_date is null) as other_members
        from publication.family_member m where m.person_id in (select person_id from gone_person)
        order by m.family_id, m.start_date
        """,
    ),
    Section(
        "criteria", "What your family was found to meet",
        "Criteria of the programme as they rest on rows about you. A flag is a proposal for a person to review, never "
        "a decision. What rests on others alone is counted above.",
        """
        select r.family_id, r.pack, r.criterion, r.title,
               case when r.contains_dwp and %(closed)s::text[] <> '{}' then 'not shown here' else r.state end as state,
               case when r.contains_dwp and %(closed)s::text[] <> '{}' then null else r.reason end as reason,
               count(*) filter (where f.evidence_id is not null and f.partner <>
                   all(%(closed)s::text[])) as rows_about_you,
               r.as_at, r.in_doubt
        from publication.criterion_result r
        join publication.criterion_evidence e using (family_id, pack, criterion)
        left join (evidence.fact f join gone_record g using (record_id)) using (evidence_id)
        where r.family_id in (select family_id from publication.family_member
                              where person_id in (select person_id from gone_person))
        group by r.family_id, r.pack, r.criterion, r.title, r.state, r.reason, r.contains_dwp, r.as_at, r.in_doubt
        having count(f.evidence_id) > 0 order by 1, 2, 3
        """,
    ),
    Section(
        "said", "What was said on earlier nights", "Whether the families you belong to were selected, and when.",
        """
        select s.family_id, s.pack, case when %(closed)s::text[] <> '{}' and s.criteria @? '$.* ?
            (@.contains_dwp == true)'
               then 'not shown here' else s.standing end as standing, a.as_at as from_day, u.as_at as until_day
        from publication.statement s join registry.run a on a.run_id = s.from_run
        left join registry.run u on u.run_id = s.until_run
        where s.family_id in (select family_id from publication.family_member
                              where person_id in (select person_id from gone_person))
        order by s.family_id, s.from_run
        """,
    ),
    Section(
        "cases", "Casework",
        "Where the council's work with your family stands. What workers wrote is read by a person before it is given "
        "out, because it may speak of others.",
        """
        select c.case_id, c.pack, c.state, c.since, c.identified_on, c.district,
               (select count(*) from casework.step s where s.case_id = c.case_id) as steps,
               (select coalesce(sum(pounds), 0) from casework.claim l where l.case_id = c.case_id) as pounds_claimed
        from casework.family_case c where c.case_id in (select case_id from casework.case_record
            join gone_record using (record_id)) order by c.case_id
        """,
    ),
    Section(
        "questions", "Questions about your records",
        "Where it was doubtful whether two records are yours, and what was said.",
        """
        select 'asked' as what, q.kind as said, q.asked_at::date as on_day from identity.review_question q
        where q.person_ref_a in (select person_ref from gone_ref) or q.person_ref_b in (select person_ref from gone_ref)
        union all
        select 'answered', a.answer, a.answered_at::date from identity.review_answer a
        where a.person_ref_a in (select person_ref from gone_ref) or a.person_ref_b in (select person_ref from gone_ref)
        order by 3, 1
        """,
    ),
    Section(
        "held_apart", "Held apart", "Rows that are held, and neither shown nor used, because of a restriction.",
        """
        select h.partner, h.table_name as held_as, h.content ->> 'kind' as kind,
               h.content ->> 'start_date' as start_date, h.content ->> 'end_date' as end_date,
               h.content ->> 'delivery_id' as delivery_id, h.content ->> 'row_number' as line
        from rights.held_row h join gone_record g using (record_id)
        where h.partner <> all(%(closed)s::text[]) and h.table_name <> 'identity.encoding' order by 1, 2, 6, 7
        """,
    ),
    Section(
        "looked", "When somebody looked", "When an account of your family was asked for, and for what.",
        """
        select at::date as on_day, action as what, count(*) as times from audit.log
        where subject in (select 'family/' || family_id from publication.family_member
                          where person_id in (select person_id from gone_person))
        group by 1, 2 order by 1, 2
        """,
    ),
    Section(
        "requests", "Your requests", "What you asked for before.",
        """
        select "right", asked_at::date as asked_on, due_on, state, decided_at::date as decided_on, ground
        from rights.request where tag = any(%(tags)s::bytea[]) order by asked_at
        """,
    ),
)  # fmt: skip
