-- Releases: what has left the hub under disclosure control, and every figure that was ever shown, so that the next release
-- is checked against it. Exact numbers stand in `release.cell` and `release.figure`: for the pipeline alone, never for readers.

CREATE SCHEMA release;
COMMENT ON SCHEMA release IS 'What has left under disclosure control, and what each release told: inside the hub only.';

CREATE TABLE release.release (
    release_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text NOT NULL,
    form              text NOT NULL CHECK (form IN ('counts', 'amounts', 'rows')),
    made_at           timestamptz NOT NULL DEFAULT now(),
    run_id            bigint NOT NULL REFERENCES registry.run,
    as_at             date NOT NULL,
    actor             text NOT NULL,
    purpose           text NOT NULL,
    agreement_id      text NOT NULL,
    agreement_version text NOT NULL,
    rule_id           text NOT NULL,
    rule_version      text NOT NULL,
    row_count         bigint NOT NULL CHECK (row_count >= 0),
    column_names      text[] NOT NULL,
    hidden            bigint CHECK (hidden >= 0),
    held              bigint CHECK (held >= 0),
    given_away        bigint NOT NULL DEFAULT 0 CHECK (given_away >= 0),
    file              text,
    sha256            text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CHECK ((file IS NULL) = (sha256 IS NULL))
);
COMMENT ON TABLE release.release IS 'One row per table or extract that was released. Append-only.';

-- One row per region of a universe (the same people, counted the same way): as it was last released.
CREATE TABLE release.cell (
    universe   text NOT NULL,
    region     text NOT NULL,
    release_id bigint NOT NULL REFERENCES release.release,
    as_at      date NOT NULL,
    exact      double precision NOT NULL,
    need       double precision NOT NULL CHECK (need >= 0),
    low        double precision,
    high       double precision,
    PRIMARY KEY (universe, region),
    CHECK ((low IS NULL) = (high IS NULL) AND low <= high)
);
COMMENT ON TABLE release.cell IS 'One row per universe and region: what its last release told of it (low to high; empty where it was hidden).';

-- Every figure that a region ever had, with the number it was made of. A figure stands until that number has moved far enough.
CREATE TABLE release.figure (
    universe   text NOT NULL,
    region     text NOT NULL,
    release_id bigint NOT NULL REFERENCES release.release,
    exact      double precision NOT NULL,
    shown      double precision NOT NULL,
    low        double precision NOT NULL,
    high       double precision NOT NULL,
    last_used  bigint NOT NULL REFERENCES release.release,
    PRIMARY KEY (universe, region, release_id),
    CHECK (low <= exact AND exact <= high)
);
COMMENT ON TABLE release.figure IS 'One row per universe, region and figure ever shown of it.';

CREATE VIEW cohort.release WITH (security_barrier) AS
SELECT release_id, name, form, made_at, run_id, as_at, actor, purpose, agreement_id, agreement_version, rule_id,
       rule_version, row_count, column_names, hidden, held, file, sha256
FROM release.release;
COMMENT ON VIEW cohort.release IS 'One row per table or extract that was released: what, when, by whom, for what, under which agreement and rule.';
COMMENT ON COLUMN cohort.release.release_id IS 'Number of the release, as in its manifest.';
COMMENT ON COLUMN cohort.release.name IS 'The table or extract, as in schemas/disclosure.yaml; summary for cohort.summary.';
COMMENT ON COLUMN cohort.release.form IS 'counts, amounts, or rows.';
COMMENT ON COLUMN cohort.release.made_at IS 'When it was released.';
COMMENT ON COLUMN cohort.release.run_id IS 'The published run it was made from.';
COMMENT ON COLUMN cohort.release.as_at IS 'The date it speaks of.';
COMMENT ON COLUMN cohort.release.actor IS 'Who released it; pipeline for what every night publishes.';
COMMENT ON COLUMN cohort.release.purpose IS 'What for: a purpose of the agreement.';
COMMENT ON COLUMN cohort.release.agreement_id IS 'The agreements under which it was released.';
COMMENT ON COLUMN cohort.release.agreement_version IS 'Their versions.';
COMMENT ON COLUMN cohort.release.rule_id IS 'The declaration of disclosure control.';
COMMENT ON COLUMN cohort.release.rule_version IS 'Its version.';
COMMENT ON COLUMN cohort.release.row_count IS 'Rows of the file, or cells of the table.';
COMMENT ON COLUMN cohort.release.column_names IS 'Columns of the file.';
COMMENT ON COLUMN cohort.release.hidden IS 'Cells that were hidden; empty for rows.';
COMMENT ON COLUMN cohort.release.held IS 'Cells whose figure stands as it stood, because the number has moved by less than the threshold; empty for rows.';
COMMENT ON COLUMN cohort.release.file IS 'Name of the file; empty for what is read in the database.';
COMMENT ON COLUMN cohort.release.sha256 IS 'Hash of the file.';

-- A figure of the summary may stand for an earlier count.
ALTER TABLE publication.summary ADD COLUMN counted_on date;
-- Threshold and rounding are data (schemas/disclosure.yaml): no table insists on 10 and 5.
ALTER TABLE publication.summary DROP CONSTRAINT summary_families_check, ADD CHECK (families >= 0);
ALTER TABLE publication.programme_evaluation DROP CONSTRAINT programme_evaluation_families_new_model_check,
    DROP CONSTRAINT programme_evaluation_families_usual_check,
    ADD CHECK (families_new_model > 0), ADD CHECK (families_usual > 0);
ALTER TABLE publication.programme_left_out DROP CONSTRAINT programme_left_out_families_check;
ALTER TABLE publication.programme_issue DROP CONSTRAINT programme_issue_families_check;
ALTER TABLE publication.programme_return DROP CONSTRAINT programme_return_families_check;
ALTER TABLE publication.estimate DROP CONSTRAINT estimate_found_check, ADD CHECK (found >= 0);
CREATE OR REPLACE VIEW cohort.summary WITH (security_barrier) AS
SELECT as_at, area, pack, criterion, families, counted_on
FROM publication.summary;
COMMENT ON VIEW cohort.summary IS 'One row per date, area, pack and criterion: counts safe to share. Counts under the threshold of schemas/disclosure.yaml, and those that would give them away, are empty; others are rounded, and stand until they have moved by the threshold.';
COMMENT ON COLUMN cohort.summary.area IS 'Area code, or district; ''all areas'' for the whole place; ''not known'' where no partner gave one.';
COMMENT ON COLUMN cohort.summary.families IS 'Number of families, rounded to 5; empty where it is 1 to 9, or would give such a count away.';
COMMENT ON COLUMN cohort.summary.counted_on IS 'The date that the figure was made for: an earlier one while the count has moved by less than the threshold since; empty where it is hidden.';

GRANT USAGE ON SCHEMA release TO wf_pipeline, wf_auditor;
GRANT SELECT ON release.release TO wf_auditor;
GRANT SELECT, INSERT ON release.release, release.figure TO wf_pipeline;
GRANT UPDATE (last_used) ON release.figure TO wf_pipeline;
GRANT SELECT, INSERT, UPDATE ON release.cell TO wf_pipeline;
GRANT SELECT ON cohort.release, cohort.summary TO wf_pipeline, wf_analyst;
