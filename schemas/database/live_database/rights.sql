-- Rights of data subjects, and retention. What is decided stands in a ledger outside the database (hub/rights); the
-- tables here follow from it, so that a restored backup is brought in line by applying the ledger again. No pseudonym
-- stands in lists: a tag is an HMAC of partner and pseudonym under a secret of the hub.

CREATE SCHEMA rights;
COMMENT ON SCHEMA rights IS 'Requests of data subjects and what was decided on them. Follows from the ledger of rights, which is kept outside the database.';

CREATE TABLE rights.applied (
    number     integer PRIMARY KEY CHECK (number > 0),
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    act        text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE rights.applied IS 'One row per act of the ledger of rights that was carried out here. A restored backup lacks those that came after it.';

CREATE TABLE rights.request (
    request_id  text PRIMARY KEY CHECK (request_id ~ '^R-[0-9a-f]{8}$'),
    "right"     text NOT NULL CHECK ("right" IN ('access', 'rectification', 'objection', 'erasure', 'restriction')),
    partner     text NOT NULL,
    tag         bytea NOT NULL CHECK (octet_length(tag) = 32),
    asked_at    timestamptz NOT NULL,
    due_on      date NOT NULL,
    by_whom     text NOT NULL CHECK (by_whom ~ '\S'),
    reason      text NOT NULL CHECK (reason ~ '\S'),
    state       text NOT NULL CHECK (state IN ('open', 'granted', 'refused', 'ended')),
    decided_at  timestamptz,
    decided_by  text,
    decision    text,
    ground      text,
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK (state <> 'refused' OR (decision ~ '\S' AND ground ~ '\S'))
);
COMMENT ON TABLE rights.request IS 'One row per request of a data subject, by the partner that passed it on.';
COMMENT ON COLUMN rights.request."right" IS 'access (Art 15), rectification (16), erasure (17), restriction (18) or objection (21).';
COMMENT ON COLUMN rights.request.tag IS 'HMAC of partner and pseudonym under the hub''s secret: finds the person, and names nobody.';
COMMENT ON COLUMN rights.request.due_on IS 'The day by which the person is to have an answer: a month after it was received (Art 12(3)).';
COMMENT ON COLUMN rights.request.state IS 'open, granted, refused, or ended (a restriction that was lifted).';
COMMENT ON COLUMN rights.request.ground IS 'Of a refusal: the ground in law, as a code of the program.';

CREATE TABLE rights.suppression (
    tag        bytea PRIMARY KEY CHECK (octet_length(tag) = 32),
    partner    text NOT NULL,
    request_id text NOT NULL REFERENCES rights.request,
    since      timestamptz NOT NULL
);
COMMENT ON TABLE rights.suppression IS 'One row per record that was erased and is never loaded again: its tag, no pseudonym.';

CREATE TABLE rights.restriction (
    tag        bytea NOT NULL CHECK (octet_length(tag) = 32),
    partner    text NOT NULL,
    request_id text NOT NULL REFERENCES rights.request,
    since      timestamptz NOT NULL,
    PRIMARY KEY (tag, request_id)
);
COMMENT ON TABLE rights.restriction IS 'One row per record and request by which it is held, but neither shown nor used.';

CREATE TABLE rights.held_row (
    record_id         bigint NOT NULL,
    related_record_id bigint,
    partner           text NOT NULL,
    person_ref        bytea NOT NULL CHECK (octet_length(person_ref) = 16),
    table_name        text NOT NULL,
    content           jsonb NOT NULL
);
CREATE INDEX held_row_record ON rights.held_row (record_id);
COMMENT ON TABLE rights.held_row IS 'One row per row of a restricted record: taken out of the tables that linking, families and criteria read, and put back when the restriction is lifted.';
COMMENT ON COLUMN rights.held_row.record_id IS 'The restricted record.';
COMMENT ON COLUMN rights.held_row.related_record_id IS 'The other record of a relationship.';
COMMENT ON COLUMN rights.held_row.table_name IS 'Where the row stood.';

CREATE TABLE rights.contest (
    request_id  text NOT NULL REFERENCES rights.request,
    record_id   bigint NOT NULL,
    delivery_id text NOT NULL,
    table_name  text NOT NULL,
    row_number  bigint NOT NULL,
    print       text NOT NULL,
    state       text NOT NULL CHECK (state IN ('open', 'corrected', 'confirmed')),
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    closed_by   text,
    PRIMARY KEY (request_id, delivery_id, table_name, row_number),
    CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE INDEX contest_record ON rights.contest (record_id) WHERE state = 'open';
COMMENT ON TABLE rights.contest IS 'One row per delivered row that a person contests (Art 16), until its partner has sent the person again.';
COMMENT ON COLUMN rights.contest.print IS 'A keyed print of the row''s content: tells whether what came afterwards says the same.';
COMMENT ON COLUMN rights.contest.state IS 'open; corrected: the partner sent the person again, without this row; confirmed: with a row that says the same.';
COMMENT ON COLUMN rights.contest.closed_by IS 'The delivery that closed it.';

CREATE TABLE rights.destruction (
    number       integer PRIMARY KEY CHECK (number > 0),
    sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    rows_gone    bigint NOT NULL CHECK (rows_gone >= 0),
    destroyed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE rights.destruction IS 'One row per certificate of destruction (hub/certificates): its number, the hash of the file, and how many rows were destroyed.';

CREATE TABLE rights.tombstone (
    tag        bytea PRIMARY KEY CHECK (octet_length(tag) = 32),
    of         text NOT NULL CHECK (of IN ('person', 'family')),
    request_id text NOT NULL REFERENCES rights.request,
    since      timestamptz NOT NULL
);
COMMENT ON TABLE rights.tombstone IS 'One row per person or family id that ended by erasure, as an HMAC of it: who holds an old id can ask, and the list names none.';

-- An id that ended by erasure. The person's own number is not kept: new_id is then a number left out, so that none is
-- given twice.
ALTER TABLE identity.person_ledger
    DROP CONSTRAINT person_ledger_change_check,
    ADD CONSTRAINT person_ledger_change_check CHECK (change IN ('merge', 'split', 'new', 'retired', 'erased'));
ALTER TABLE publication.family_ledger
    DROP CONSTRAINT family_ledger_change_check,
    ADD CONSTRAINT family_ledger_change_check CHECK (change IN ('merge', 'split', 'new', 'retired', 'erased'));
COMMENT ON COLUMN cohort.family_ledger.change IS 'merge, split, new, retired, or erased: nobody is left of it after an erasure.';

-- Rows of people who were erased or are restricted are not loaded: every delivered row still ends in exactly one place.
ALTER TABLE registry.delivery
    ADD COLUMN rows_suppressed   bigint CHECK (rows_suppressed >= 0),
    ADD COLUMN sealed_deleted_at timestamptz,
    DROP CONSTRAINT delivered_is_loaded_plus_quarantined,
    ADD CONSTRAINT delivered_is_loaded_plus_quarantined
        CHECK (state NOT IN ('accepted', 'accepted_with_quarantine', 'superseded')
               OR (rows_delivered IS NOT NULL
                   AND rows_delivered = rows_loaded + rows_quarantined + coalesce(rows_suppressed, 0)));
COMMENT ON COLUMN registry.delivery.rows_suppressed IS 'Rows not loaded because the person was erased or is restricted. Delivered = loaded + quarantined + suppressed.';
COMMENT ON COLUMN registry.delivery.sealed_deleted_at IS 'When the hub''s sealed copy was deleted because a person in it was erased, or its time was over.';
ALTER TABLE registry.delivery_table
    ADD COLUMN rows_suppressed bigint NOT NULL DEFAULT 0 CHECK (rows_suppressed >= 0),
    DROP CONSTRAINT delivery_table_check,
    ADD CONSTRAINT delivered_is_loaded_quarantined_or_suppressed
        CHECK (rows_delivered = rows_loaded + rows_quarantined + rows_suppressed);
COMMENT ON COLUMN registry.delivery_table.rows_suppressed IS 'Rows not loaded because the person was erased or is restricted.';

-- How far back what is held is shown (the agreements' "shown"); what decides a flag today is shown with it.
CREATE TABLE publication.display_limit (
    partner    text NOT NULL,
    kind       text NOT NULL,
    lasts      boolean NOT NULL,
    shown_from date NOT NULL,
    PRIMARY KEY (partner, kind)
);
COMMENT ON TABLE publication.display_limit IS 'One row per partner and kind of evidence: the first day that is shown. Written by each build from the agreements.';
COMMENT ON COLUMN publication.display_limit.lasts IS 'Whether the kind is a period, which lasts while it has no end.';

CREATE OR REPLACE VIEW cohort.chronology WITH (security_barrier) AS
SELECT member.family_id, member.person_id, fact.start_date, fact.end_date, fact.partner,
       coalesce(met.agency, fact.partner) AS agency, fact.kind, fact.role, fact.evidence_id
FROM publication.family_member AS member
JOIN evidence.person AS person USING (person_id)
JOIN evidence.fact AS fact USING (record_id)
LEFT JOIN publication.agency_of_kind AS met USING (kind)
LEFT JOIN publication.display_limit AS shown ON (shown.partner, shown.kind) = (fact.partner, fact.kind)
WHERE member.end_date IS NULL
  AND member.role IN ('adult', 'child')
  AND EXISTS (SELECT FROM publication.cohort AS now
              WHERE now.family_id = member.family_id AND now.cohort_end_date IS NULL)
  AND fact.partner IN (SELECT partner FROM publication.open_feed)
  AND (shown.shown_from IS NULL
       OR coalesce(fact.end_date, CASE WHEN shown.lasts THEN 'infinity' ELSE fact.start_date END) >= shown.shown_from
       OR EXISTS (SELECT FROM publication.criterion_evidence AS decides WHERE decides.evidence_id = fact.evidence_id));

-- A flag that rests on a contested row says so.
CREATE VIEW cohort.contested WITH (security_barrier) AS
SELECT decides.family_id, decides.pack, decides.criterion, fact.partner, count(*) AS contested_rows,
       min(contest.opened_at)::date AS since
FROM rights.contest AS contest
JOIN evidence.fact AS fact ON (fact.record_id, fact.delivery_id, fact.table_name, fact.row_number)
                            = (contest.record_id, contest.delivery_id, contest.table_name, contest.row_number)
JOIN publication.criterion_evidence AS decides USING (evidence_id)
WHERE contest.state = 'open' AND fact.partner IN (SELECT partner FROM publication.open_feed)
GROUP BY decides.family_id, decides.pack, decides.criterion, fact.partner;
COMMENT ON VIEW cohort.contested IS 'One row per family, criterion and partner with decisive evidence that the person contests: read the flag with care until the partner has answered.';
COMMENT ON COLUMN cohort.contested.family_id IS 'The family.';
COMMENT ON COLUMN cohort.contested.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.contested.criterion IS 'The criterion.';
COMMENT ON COLUMN cohort.contested.partner IS 'Who delivered what is contested.';
COMMENT ON COLUMN cohort.contested.contested_rows IS 'How many decisive rows are contested.';
COMMENT ON COLUMN cohort.contested.since IS 'Since when.';

GRANT USAGE ON SCHEMA rights TO wf_pipeline;
GRANT SELECT ON ALL TABLES IN SCHEMA rights TO wf_pipeline;
GRANT UPDATE (state, closed_at, closed_by) ON rights.contest TO wf_pipeline;
GRANT SELECT, INSERT, UPDATE, DELETE ON publication.display_limit TO wf_pipeline;
GRANT SELECT ON cohort.contested TO wf_pipeline, wf_analyst;
