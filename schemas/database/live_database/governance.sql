-- Governance: what every run said of every family, kept for good; and where decisive evidence came from.

-- A row stands from one run until (not including) another. A run that looks back says what it says like any other, so
-- the row that holds at a run is the one with from_run <= run < until_run. No foreign keys on it, as on other bulk tables.
CREATE TABLE publication.statement (
    pack         text NOT NULL,
    family_id    bigint NOT NULL,
    from_run     bigint NOT NULL,
    until_run    bigint,
    selected     boolean NOT NULL,
    standing     text NOT NULL CHECK (standing IN ('selected', 'not_selected', 'unknown')),
    criteria_met integer NOT NULL CHECK (criteria_met >= 0),
    criteria     jsonb NOT NULL CHECK (jsonb_typeof(criteria) = 'object'),
    PRIMARY KEY (pack, family_id, from_run),
    CHECK (until_run > from_run)
);
CREATE UNIQUE INDEX statement_now ON publication.statement (pack, family_id) WHERE until_run IS NULL;
COMMENT ON TABLE publication.statement IS 'One row per pack, family looked at and stretch of runs that said the same of it.';

-- An answer names the entries of the log that tell of its run and its deliveries.
CREATE INDEX log_subject ON audit.log (subject);

CREATE VIEW cohort.published_run WITH (security_barrier) AS
SELECT run_id, pack, pack_version, model_version, code_version, as_at, finished_at AS published_at
FROM registry.run WHERE state = 'published';
COMMENT ON VIEW cohort.published_run IS 'One row per run that was published.';
COMMENT ON COLUMN cohort.published_run.run_id IS 'Number of the run.';
COMMENT ON COLUMN cohort.published_run.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.published_run.pack_version IS 'Its version.';
COMMENT ON COLUMN cohort.published_run.model_version IS 'Version of the link model.';
COMMENT ON COLUMN cohort.published_run.code_version IS 'Version of the program.';
COMMENT ON COLUMN cohort.published_run.as_at IS 'The date the run speaks of.';
COMMENT ON COLUMN cohort.published_run.published_at IS 'When it was published: from then on it was known.';

CREATE VIEW cohort.statement WITH (security_barrier) AS
SELECT pack, family_id, from_run, until_run, selected, standing, criteria_met, criteria
FROM publication.statement;
COMMENT ON VIEW cohort.statement IS 'One row per pack, family looked at and stretch of runs that said the same of it.';
COMMENT ON COLUMN cohort.statement.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.statement.family_id IS 'The family, by the id it had then.';
COMMENT ON COLUMN cohort.statement.from_run IS 'The first run that said so.';
COMMENT ON COLUMN cohort.statement.until_run IS 'The first run after it that said otherwise, or nothing; empty while it is said.';
COMMENT ON COLUMN cohort.statement.selected IS 'Whether the family met the selection rule.';
COMMENT ON COLUMN cohort.statement.standing IS 'selected, not_selected, or unknown: what is not known would decide.';
COMMENT ON COLUMN cohort.statement.criteria_met IS 'How many criteria counted as met.';
COMMENT ON COLUMN cohort.statement.criteria IS 'Per criterion that was met or unknown: state, reason, contains_dwp (restricted by law onward), and its evidence as partner, kind, first and last day; a criterion that is not there was not met.';

CREATE VIEW cohort.evidence_origin WITH (security_barrier) AS
SELECT DISTINCT f.evidence_id, f.partner, f.kind, f.delivery_id, f.table_name || '.csv' AS file, f.row_number,
       d.decided_at AS accepted_at, d.agreement_id
FROM evidence.fact AS f
JOIN publication.criterion_evidence AS e USING (evidence_id)
JOIN registry.delivery AS d USING (delivery_id);
COMMENT ON VIEW cohort.evidence_origin IS 'One row per piece of evidence that decides a criterion: the delivered file and line it came from.';
COMMENT ON COLUMN cohort.evidence_origin.evidence_id IS 'The evidence, as in cohort.criterion_evidence.';
COMMENT ON COLUMN cohort.evidence_origin.partner IS 'Who delivered it.';
COMMENT ON COLUMN cohort.evidence_origin.kind IS 'Kind of evidence, as in the evidence vocabulary.';
COMMENT ON COLUMN cohort.evidence_origin.delivery_id IS 'The delivery.';
COMMENT ON COLUMN cohort.evidence_origin.file IS 'The delivered file.';
COMMENT ON COLUMN cohort.evidence_origin.row_number IS 'The line in the partner''s raw file; the header is line 1.';
COMMENT ON COLUMN cohort.evidence_origin.accepted_at IS 'When the delivery was accepted.';
COMMENT ON COLUMN cohort.evidence_origin.agreement_id IS 'The data sharing agreement it was taken in under.';

-- Functions run as whoever calls them, over the views above: the caller's walls stay the walls.
CREATE FUNCTION cohort.why(family bigint)
RETURNS TABLE (criterion text, title text, rules text, evidence_id bigint, partner text, kind text, start_date date,
               end_date date, delivery_id text, file text, row_number bigint, accepted_at timestamptz,
               agreement_id text, pack text, pack_version text, run_id bigint, contains_dwp boolean)
LANGUAGE sql STABLE SECURITY INVOKER
BEGIN ATOMIC
    SELECT r.criterion, r.title, r.reason, e.evidence_id, e.partner, e.kind, e.start_date, e.end_date, o.delivery_id,
           o.file, o.row_number, o.accepted_at, o.agreement_id, r.pack, r.pack_version, r.run_id, r.contains_dwp
    FROM cohort.criterion_result AS r
    JOIN cohort.criterion_evidence AS e USING (family_id, pack, criterion)
    LEFT JOIN cohort.evidence_origin AS o USING (evidence_id)
    WHERE r.family_id = family AND r.state = 'met'
    ORDER BY r.pack, r.criterion, e.start_date, e.evidence_id;
END;
COMMENT ON FUNCTION cohort.why IS 'Why a family meets the criteria it meets: the evidence of each, with the delivered file and line.';

CREATE FUNCTION cohort.run_known(of_pack text, on_date date, known_at timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY INVOKER
BEGIN ATOMIC
    SELECT run_id FROM cohort.published_run
    WHERE pack = of_pack AND as_at <= on_date AND published_at <= known_at
    ORDER BY as_at DESC, run_id DESC LIMIT 1;
END;
COMMENT ON FUNCTION cohort.run_known IS 'The run that speaks for a date, of those published by a moment: the one nearest before the date, the latest of these.';

CREATE FUNCTION cohort.said(family bigint, on_date date, known_at timestamptz, of_pack text)
RETURNS TABLE (family_id bigint, run_id bigint, as_at date, published_at timestamptz, pack_version text,
               selected boolean, standing text, criteria_met integer, criteria jsonb)
LANGUAGE sql STABLE SECURITY INVOKER
BEGIN ATOMIC
    SELECT s.family_id, r.run_id, r.as_at, r.published_at, r.pack_version, s.selected, s.standing, s.criteria_met,
           s.criteria
    FROM cohort.published_run AS r
    JOIN cohort.statement AS s ON s.pack = r.pack AND s.family_id = family
         AND s.from_run <= r.run_id AND (s.until_run IS NULL OR s.until_run > r.run_id)
    WHERE r.run_id = cohort.run_known(of_pack, on_date, known_at);
END;
COMMENT ON FUNCTION cohort.said IS 'What was said of a family on a date, knowing what was known at a moment.';

CREATE FUNCTION cohort.moved(from_date date, to_date date, known_at timestamptz, of_pack text)
RETURNS TABLE (family_id bigint, change text, before jsonb, after jsonb, was_looked_at boolean, is_looked_at boolean)
LANGUAGE sql STABLE SECURITY INVOKER
BEGIN ATOMIC
    WITH runs AS MATERIALIZED (
        SELECT cohort.run_known(of_pack, from_date, known_at) AS first, cohort.run_known(of_pack, to_date, known_at) AS last
    ), earlier AS (
        SELECT s.family_id, s.selected, s.criteria FROM cohort.statement AS s, runs
        WHERE s.pack = of_pack AND s.from_run <= runs.first AND (s.until_run IS NULL OR s.until_run > runs.first)
    ), later AS (
        SELECT s.family_id, s.selected, s.criteria FROM cohort.statement AS s, runs
        WHERE s.pack = of_pack AND s.from_run <= runs.last AND (s.until_run IS NULL OR s.until_run > runs.last)
    )
    SELECT family_id, CASE WHEN coalesce(l.selected, false) THEN 'entered' ELSE 'left' END, e.criteria, l.criteria,
           e.family_id IS NOT NULL, l.family_id IS NOT NULL
    FROM earlier AS e FULL JOIN later AS l USING (family_id)
    WHERE coalesce(e.selected, false) <> coalesce(l.selected, false)
    ORDER BY family_id;
END;
COMMENT ON FUNCTION cohort.moved IS 'Which families entered or left the cohort between two dates, with what was said of them on each.';

GRANT SELECT, INSERT, UPDATE, DELETE ON publication.statement TO wf_pipeline, wf_evaluator;
GRANT SELECT ON cohort.published_run, cohort.statement, cohort.evidence_origin TO wf_pipeline, wf_analyst;
GRANT EXECUTE ON FUNCTION cohort.why, cohort.run_known, cohort.said, cohort.moved TO wf_pipeline, wf_analyst;
