-- What people said about pairs of records, and what partners were asked about them. Keyed by the partners' own
-- pseudonyms and not by record ids, so that an answer outlives a record's re-delivery. Read by the linking role.

CREATE TABLE identity.review_question (
    question_id  bytea PRIMARY KEY CHECK (octet_length(question_id) = 16),
    kind         text NOT NULL CHECK (kind IN ('duplicate', 'details', 'cover')),
    partner_a    text COLLATE "C" NOT NULL,
    person_ref_a bytea NOT NULL CHECK (octet_length(person_ref_a) = 16),
    partner_b    text COLLATE "C",
    person_ref_b bytea CHECK (octet_length(person_ref_b) = 16),
    asked_by     text NOT NULL CHECK (asked_by ~ '\S'),
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_on   date NOT NULL,
    CHECK ((kind = 'cover') = (partner_b IS NULL)),
    CHECK ((partner_b IS NULL) = (person_ref_b IS NULL)),
    CHECK ((kind = 'duplicate') = (partner_a IS NOT DISTINCT FROM partner_b)),
    CHECK ((partner_a, person_ref_a) < (partner_b, person_ref_b))
);
CREATE INDEX review_question_pair ON identity.review_question (partner_a, person_ref_a, partner_b, person_ref_b);
COMMENT ON TABLE identity.review_question IS 'One row per question put to the partners who hold the names; append-only.';
COMMENT ON COLUMN identity.review_question.question_id IS 'Random; also the salt of what partners encode for this question and no other.';
COMMENT ON COLUMN identity.review_question.kind IS 'duplicate: two records of one partner, asked outright; details: two partners each check their own record; cover: a record that nobody doubts, so that being asked says little.';

CREATE TABLE identity.review_reply (
    question_id  bytea NOT NULL REFERENCES identity.review_question,
    partner      text COLLATE "C" NOT NULL,
    answered_by  text NOT NULL CHECK (answered_by ~ '\S'),
    replied_at   timestamptz NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    reply_sha256 text NOT NULL CHECK (reply_sha256 ~ '^[0-9a-f]{64}$'),
    said         jsonb NOT NULL,
    encoded      jsonb,
    PRIMARY KEY (question_id, partner)
);
COMMENT ON TABLE identity.review_reply IS 'One row per question and partner that replied.';
COMMENT ON COLUMN identity.review_reply.answered_by IS 'The partner''s officer.';
COMMENT ON COLUMN identity.review_reply.said IS 'Answer and reason code, or per field whether the partner checked it; never a value.';
COMMENT ON COLUMN identity.review_reply.encoded IS 'The record''s details as encoded for this question; emptied when both sides have been compared or the question has expired.';

CREATE TABLE identity.review_answer (
    answer_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_a    text COLLATE "C" NOT NULL,
    person_ref_a bytea NOT NULL CHECK (octet_length(person_ref_a) = 16),
    partner_b    text COLLATE "C" NOT NULL,
    person_ref_b bytea NOT NULL CHECK (octet_length(person_ref_b) = 16),
    answer       text NOT NULL CHECK (answer IN ('same', 'different', 'cannot_tell')),
    answered_by  text NOT NULL CHECK (answered_by ~ '\S'),
    why          text NOT NULL CHECK (why ~ '\S'),
    source       text NOT NULL CHECK (source IN ('hub', 'partner', 'partners')),
    question_id  bytea UNIQUE REFERENCES identity.review_question,
    seen         jsonb NOT NULL DEFAULT '{}',
    answered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((partner_a, person_ref_a) < (partner_b, person_ref_b)),
    CHECK ((source = 'hub') = (question_id IS NULL))
);
CREATE INDEX review_answer_pair ON identity.review_answer (partner_a, person_ref_a, partner_b, person_ref_b);
COMMENT ON TABLE identity.review_answer IS 'One row per answer about a pair of records; append-only. Of a pair the latest counts; it binds the next build.';
COMMENT ON COLUMN identity.review_answer.answer IS 'same: one person; different: two; cannot_tell: takes an earlier answer back.';
COMMENT ON COLUMN identity.review_answer.source IS 'Who knew: a reviewer at the hub, the one partner that holds both records, or both partners'' checked details compared.';
COMMENT ON COLUMN identity.review_answer.seen IS 'What the link looked like when it was answered: pattern, weight, probability, decision, model version.';

CREATE FUNCTION identity.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held boolean := true;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN  -- emptying what is empty changes nothing
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO held;
    END IF;
    IF held THEN
        RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION identity.refuse_change() FROM PUBLIC;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON identity.review_answer
    FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON identity.review_answer
    FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON identity.review_question
    FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON identity.review_question
    FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();

-- Answers in force, each with the records that its pseudonyms name tonight: a negative id where no record has one, so
-- that what follows from an answer still follows.
CREATE VIEW identity.review_binding AS
WITH spoken AS (
    SELECT partner_a AS partner, person_ref_a AS person_ref FROM identity.review_answer
    UNION
    SELECT partner_b, person_ref_b FROM identity.review_answer
), named AS (
    SELECT spoken.partner, spoken.person_ref,
           coalesce(r.record_id, -row_number() OVER (ORDER BY spoken.partner, spoken.person_ref)) AS id
    FROM spoken
    LEFT JOIN identity.record AS r USING (partner, person_ref)
)
SELECT answer.answer_id, a.id AS record_a, b.id AS record_b, answer.answer
FROM identity.review_answer AS answer
JOIN named AS a ON (a.partner, a.person_ref) = (answer.partner_a, answer.person_ref_a)
JOIN named AS b ON (b.partner, b.person_ref) = (answer.partner_b, answer.person_ref_b);
COMMENT ON VIEW identity.review_binding IS 'One row per answer: the records of tonight it speaks of, negative for one that is not delivered any more.';

GRANT SELECT ON identity.review_question, identity.review_reply, identity.review_answer, identity.review_binding
    TO wf_pipeline, wf_linker;
GRANT INSERT ON identity.review_question, identity.review_reply, identity.review_answer TO wf_linker;
GRANT UPDATE (encoded) ON identity.review_reply TO wf_linker;
