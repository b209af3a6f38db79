-- The tables behind the cohort views. A build replaces its rows in one transaction: readers see the old night or the
-- new one, never a mix, and nobody waits. Columns are explained on the views (cohort.sql).

CREATE SCHEMA publication;
COMMENT ON SCHEMA publication IS 'The tables behind the cohort views.';

CREATE TABLE publication.family (
    family_id bigint PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('with_children', 'adult_only')),
    area      text,
    adults    integer NOT NULL CHECK (adults >= 0),
    children  integer NOT NULL CHECK (children >= 0),
    to_review boolean NOT NULL,
    as_at     date NOT NULL,
    run_id    bigint NOT NULL
);
CREATE TABLE publication.family_member (
    family_id   bigint NOT NULL,
    person_id   bigint NOT NULL,
    role        text NOT NULL CHECK (role IN ('adult', 'child', 'non_resident_parent', 'associated')),
    start_date  date,
    end_date    date,
    reason      text,
    confidence  double precision CHECK (confidence BETWEEN 0 AND 1),
    birth_month date CHECK (extract(day FROM birth_month) = 1),
    sex         text,
    UNIQUE NULLS NOT DISTINCT (family_id, person_id, role, start_date),
    CHECK (end_date >= start_date)
);
CREATE INDEX family_member_person ON publication.family_member (person_id);
CREATE TABLE publication.criterion_result (
    family_id    bigint NOT NULL,
    pack         text NOT NULL,
    pack_version text NOT NULL,
    criterion    text NOT NULL,
    title        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('met', 'not_met', 'unknown')),
    reason       text,
    contains_dwp boolean NOT NULL,
    as_at        date NOT NULL,
    run_id       bigint NOT NULL,
    PRIMARY KEY (family_id, pack, criterion)
);
CREATE TABLE publication.criterion_evidence (
    family_id   bigint NOT NULL,
    pack        text NOT NULL,
    criterion   text NOT NULL,
    evidence_id bigint NOT NULL,
    partner     text NOT NULL,
    kind        text NOT NULL,
    start_date  date,
    end_date    date,
    PRIMARY KEY (family_id, pack, criterion, evidence_id)
);
CREATE TABLE publication.cohort (
    pack              text NOT NULL,
    family_id         bigint NOT NULL,
    cohort_start_date date NOT NULL,
    cohort_end_date   date,
    CHECK (cohort_end_date >= cohort_start_date)
);
-- A family is in the cohort once at a time; it may leave and come back, even on one day.
CREATE UNIQUE INDEX cohort_now ON publication.cohort (pack, family_id) WHERE cohort_end_date IS NULL;
CREATE INDEX cohort_family ON publication.cohort (family_id);
CREATE TABLE publication.family_history (
    family_id    bigint NOT NULL,
    pack         text NOT NULL,
    selected     boolean NOT NULL,
    criteria_met integer NOT NULL CHECK (criteria_met >= 0),
    valid_from   timestamptz NOT NULL,
    valid_to     timestamptz,
    PRIMARY KEY (family_id, pack, valid_from),
    CHECK (valid_to > valid_from)
);
-- What we say now about a family and pack is one row at most.
CREATE UNIQUE INDEX family_history_now ON publication.family_history (family_id, pack) WHERE valid_to IS NULL;
CREATE TABLE publication.family_ledger (
    run_id bigint NOT NULL REFERENCES registry.run,
    old_id bigint,
    new_id bigint,
    change text NOT NULL CHECK (change IN ('merge', 'split', 'new', 'retired'))
);
CREATE INDEX family_ledger_run ON publication.family_ledger (run_id);
CREATE TABLE publication.attrition (
    run_id      bigint NOT NULL REFERENCES registry.run,
    step        integer NOT NULL,
    description text NOT NULL,
    count       bigint NOT NULL CHECK (count >= 0),
    PRIMARY KEY (run_id, step)
);
CREATE TABLE publication.summary (
    as_at     date NOT NULL,
    area      text NOT NULL,
    pack      text NOT NULL,
    criterion text NOT NULL,
    families  bigint CHECK (families >= 0 AND families % 5 = 0),
    PRIMARY KEY (as_at, area, pack, criterion)
);
COMMENT ON TABLE publication.summary IS 'Already suppressed and rounded when it is written: no exact count is kept here.';
