-- What linking learnt last: its fit, its pairs and a print of every record, so that a night compares only what is new or
-- has changed with all. And what the publishing role needs, so that a night is written under it and not by the owner.

ALTER TABLE identity.record ADD COLUMN encoding_print bigint;
COMMENT ON COLUMN identity.record.encoding_print IS 'A hash of all the record''s encodings, made as they are loaded: equal as long as none of them changes.';

CREATE TABLE identity.link_fit (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    run_id     bigint NOT NULL REFERENCES registry.run,
    fitted_run bigint NOT NULL REFERENCES registry.run,
    basis      text NOT NULL,
    fitted     json NOT NULL
);
COMMENT ON TABLE identity.link_fit IS 'One row: the link model as a full build fitted it, and what the last night left beside it.';
COMMENT ON COLUMN identity.link_fit.run_id IS 'The run that left the state.';
COMMENT ON COLUMN identity.link_fit.fitted_run IS 'The full build that fitted it.';
COMMENT ON COLUMN identity.link_fit.basis IS 'Versions of encoding and key it was fitted on; others ask for a full build.';
COMMENT ON COLUMN identity.link_fit.fitted IS 'Probabilities, prior and threshold (pipeline.link.fit), as text, so that no digit is lost.';

CREATE TABLE identity.link_print (
    record_id   bigint PRIMARY KEY,
    fingerprint bigint NOT NULL
);
COMMENT ON TABLE identity.link_print IS 'One row per record linked: a hash of all that linking compares of it.';

CREATE TABLE identity.link_pair (
    record_a      bigint NOT NULL,
    record_b      bigint NOT NULL,
    blocking_pass text NOT NULL,
    pattern       bigint NOT NULL,
    PRIMARY KEY (record_a, record_b),
    CHECK (record_a < record_b)
);
COMMENT ON TABLE identity.link_pair IS 'One row per pair of records worth keeping, those that fell short of the thresholds too.';
COMMENT ON COLUMN identity.link_pair.pattern IS 'Number of the agreement pattern, by the link model.';

CREATE TABLE identity.link_left_out (
    pass  text NOT NULL,
    block bytea NOT NULL CHECK (octet_length(block) = 16),
    PRIMARY KEY (pass, block)
);
COMMENT ON TABLE identity.link_left_out IS 'One row per block beyond the largest size, whose pairs are not compared.';

GRANT SELECT ON identity.link_fit, identity.link_print, identity.link_pair, identity.link_left_out TO wf_linker;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.link_fit, identity.link_print, identity.link_pair, identity.link_left_out
    TO wf_pipeline;

-- The build publishes as wf_pipeline. It works with temporary tables, keeps the life of cases as declared, and dates a
-- problem back; what was said of a case stays append-only.
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO wf_pipeline', current_database());
END $$;
GRANT UPDATE ON casework.state TO wf_pipeline;
GRANT DELETE ON casework.move TO wf_pipeline;
GRANT UPDATE (found_on, contains_dwp) ON casework.problem TO wf_pipeline;

-- What homes and relatives said of pairs of records. It rests on evidence, so the linking role does not see it.
CREATE TABLE publication.link_context (
    record_a    bigint NOT NULL,
    record_b    bigint NOT NULL,
    context     text NOT NULL,
    bits        double precision,
    probability double precision CHECK (probability BETWEEN 0 AND 1),
    decision    text NOT NULL CHECK (decision IN ('match', 'possible', 'non_match', 'cut')),
    PRIMARY KEY (record_a, record_b),
    CHECK (record_a < record_b)
);
COMMENT ON TABLE publication.link_context IS 'One row per possible pair that was weighed with homes and relatives, and per pair that these say cannot be one person (cut).';
COMMENT ON COLUMN publication.link_context.context IS 'The first that holds: related, held_apart, same_relative, housemates, same_place, nothing …; for a cut pair, why it cannot be.';
COMMENT ON COLUMN publication.link_context.bits IS 'What it adds to the log2 odds; empty for a cut pair.';
COMMENT ON COLUMN publication.link_context.probability IS 'Linking''s own probability with it; empty for a cut pair.';
GRANT SELECT, INSERT, DELETE ON publication.link_context TO wf_pipeline;
GRANT SELECT ON publication.link_context TO wf_evaluator;

-- A demo builds as every night does: there is one kind of run.
ALTER TABLE registry.run DROP CONSTRAINT run_kind_check, ADD CONSTRAINT run_kind_check CHECK (kind = 'build');
COMMENT ON COLUMN registry.run.kind IS 'build: there is no other.';
