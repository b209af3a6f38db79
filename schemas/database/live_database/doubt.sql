-- Doubt carried to the flag, and why a family is to be reviewed. Record ids stay with the evaluating role and the
-- pipeline (for the order of review); analysts see that a flag is in doubt, and how much.

ALTER TABLE publication.family ADD COLUMN review_reason text;
ALTER TABLE publication.criterion_result
    ADD COLUMN in_doubt boolean NOT NULL DEFAULT false,
    ADD COLUMN probability double precision CHECK (probability BETWEEN 0 AND 1);

CREATE TABLE publication.flag_doubt (
    family_id        bigint NOT NULL,
    pack             text NOT NULL,
    criterion        text NOT NULL,
    state            text NOT NULL,
    would_become     text NOT NULL,
    record_a         bigint NOT NULL,
    record_b         bigint NOT NULL,
    link_probability double precision NOT NULL CHECK (link_probability BETWEEN 0 AND 1),
    otherwise        double precision NOT NULL CHECK (otherwise BETWEEN 0 AND 1),
    probability      double precision NOT NULL CHECK (probability BETWEEN 0 AND 1),
    links            integer NOT NULL CHECK (links > 0),
    method           text NOT NULL CHECK (method IN ('exact', 'sampled')),
    contains_dwp     boolean NOT NULL,
    PRIMARY KEY (family_id, pack, criterion, record_a, record_b)
);
COMMENT ON TABLE publication.flag_doubt IS 'One row per family, criterion and link between two records that would change it, were the link otherwise.';
COMMENT ON COLUMN publication.flag_doubt.link_probability IS 'Probability that the two records are one person.';
COMMENT ON COLUMN publication.flag_doubt.otherwise IS 'Probability that the link is not as it is tonight.';
COMMENT ON COLUMN publication.flag_doubt.contains_dwp IS 'True where a feed of the criterion''s evidence comes from the DWP.';

CREATE VIEW publication.link_stakes AS
SELECT record_a, record_b, count(DISTINCT family_id) AS families, count(*) AS flags
FROM publication.flag_doubt
GROUP BY record_a, record_b;
COMMENT ON VIEW publication.link_stakes IS 'One row per doubtful link that a flag hangs on: how many families and flags. For the order of review.';

CREATE OR REPLACE VIEW cohort.family WITH (security_barrier) AS
SELECT family_id, kind, area, adults, children, to_review, as_at, run_id, review_reason
FROM publication.family;
COMMENT ON COLUMN cohort.family.review_reason IS 'Why a person should look first, as codes joined by commas; empty when nobody need.';

CREATE OR REPLACE VIEW cohort.criterion_result WITH (security_barrier) AS
SELECT family_id, pack, pack_version, criterion, title, state, reason, contains_dwp, as_at, run_id, in_doubt, probability
FROM publication.criterion_result;
COMMENT ON COLUMN cohort.criterion_result.in_doubt IS 'True when the state would be another if one doubtful link between records were otherwise; cohort.flag_doubt tells more.';
COMMENT ON COLUMN cohort.criterion_result.probability IS 'Probability that the criterion is met, from doubt about links alone; empty when no doubtful link touches the family.';

CREATE VIEW cohort.flag_doubt WITH (security_barrier) AS
SELECT family_id, pack, criterion, state, would_become, count(*)::integer AS deciding_links,
       max(otherwise) AS likeliest, probability, links, method, contains_dwp
FROM publication.flag_doubt
GROUP BY family_id, pack, criterion, state, would_become, probability, links, method, contains_dwp;
COMMENT ON VIEW cohort.flag_doubt IS 'One row per family, criterion and state it would have were one doubtful link between records otherwise.';
COMMENT ON COLUMN cohort.flag_doubt.family_id IS 'The family.';
COMMENT ON COLUMN cohort.flag_doubt.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.flag_doubt.criterion IS 'The criterion; selected for the pack''s selection rule.';
COMMENT ON COLUMN cohort.flag_doubt.state IS 'The state tonight; not_looked_at for a family that the pack does not look at.';
COMMENT ON COLUMN cohort.flag_doubt.would_become IS 'The state it would have.';
COMMENT ON COLUMN cohort.flag_doubt.deciding_links IS 'How many links there are of which each alone would change it.';
COMMENT ON COLUMN cohort.flag_doubt.likeliest IS 'The highest probability, among these links, that the link is not as it is tonight.';
COMMENT ON COLUMN cohort.flag_doubt.probability IS 'Probability that the criterion is met, from doubt about links alone, each taken to be right or wrong by itself.';
COMMENT ON COLUMN cohort.flag_doubt.links IS 'How many doubtful links that probability is over.';
COMMENT ON COLUMN cohort.flag_doubt.method IS 'exact: over every combination of them; sampled: over a sample with a fixed seed.';
COMMENT ON COLUMN cohort.flag_doubt.contains_dwp IS 'True where evidence for the criterion comes from the DWP: onward disclosure is restricted by law (Welfare Reform Act 2012).';

GRANT SELECT, INSERT, UPDATE, DELETE ON publication.flag_doubt TO wf_pipeline, wf_evaluator;
GRANT SELECT ON publication.link_stakes TO wf_pipeline, wf_evaluator;
GRANT SELECT ON cohort.flag_doubt TO wf_pipeline, wf_analyst;
