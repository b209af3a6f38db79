-- Evidence as it was published. What has been delivered since waits for the next build, here as everywhere in cohort:
-- a family of last night never stands beside a row that has come this morning.

-- Where decisive evidence came from, beside the evidence.
ALTER TABLE publication.criterion_evidence
    ADD COLUMN delivery_id text,
    ADD COLUMN table_name text,
    ADD COLUMN row_number bigint,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN agreement_id text;
COMMENT ON COLUMN publication.criterion_evidence.delivery_id IS 'The delivery it came in; empty where the row was gone before this column was there.';

CREATE TABLE publication.chronology (
    family_id   bigint NOT NULL,
    person_id   bigint NOT NULL,
    start_date  date,
    end_date    date,
    partner     text NOT NULL,
    kind        text NOT NULL,
    role        text,
    evidence_id bigint NOT NULL
);
CREATE INDEX chronology_family ON publication.chronology (family_id);
COMMENT ON TABLE publication.chronology IS 'One row per selected family, member of today and piece of evidence about the member, as of the last build.';
SELECT access.raise_wall('publication.chronology', 'families');

-- Written by the build, in the publishing transaction.
CREATE FUNCTION publication.keep_evidence() RETURNS void
LANGUAGE sql SECURITY INVOKER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE publication.criterion_evidence AS decides
    SET delivery_id = fact.delivery_id, table_name = fact.table_name, row_number = fact.row_number,
        accepted_at = delivery.decided_at, agreement_id = delivery.agreement_id
    FROM evidence.fact AS fact JOIN registry.delivery AS delivery USING (delivery_id)
    WHERE fact.evidence_id = decides.evidence_id;

    DELETE FROM publication.chronology;
    INSERT INTO publication.chronology (family_id, person_id, start_date, end_date, partner, kind, role, evidence_id)
    SELECT member.family_id, member.person_id, fact.start_date, fact.end_date, fact.partner, fact.kind, fact.role,
           fact.evidence_id
    FROM publication.cohort AS now
    JOIN publication.family_member AS member USING (family_id)
    JOIN evidence.person AS person USING (person_id)
    JOIN evidence.fact AS fact USING (record_id)
    WHERE now.cohort_end_date IS NULL AND member.end_date IS NULL AND member.role IN ('adult', 'child')
    GROUP BY member.family_id, member.person_id, fact.evidence_id;
END;
COMMENT ON FUNCTION publication.keep_evidence IS 'Publishes the evidence of the selected families and the origin of what decides, from what is loaded now.';
REVOKE ALL ON FUNCTION publication.keep_evidence FROM PUBLIC;
GRANT EXECUTE ON FUNCTION publication.keep_evidence TO wf_pipeline;
GRANT SELECT, INSERT, UPDATE, DELETE ON publication.chronology TO wf_pipeline, wf_evaluator;
SELECT publication.keep_evidence();

CREATE OR REPLACE VIEW cohort.evidence_origin WITH (security_barrier) AS
SELECT DISTINCT evidence_id, partner, kind, delivery_id, table_name || '.csv' AS file, row_number, accepted_at,
       agreement_id
FROM publication.criterion_evidence;

CREATE OR REPLACE VIEW cohort.chronology WITH (security_barrier) AS
SELECT told.family_id, told.person_id, told.start_date, told.end_date, told.partner,
       coalesce(met.agency, told.partner) AS agency, told.kind, told.role, told.evidence_id
FROM publication.chronology AS told
LEFT JOIN publication.agency_of_kind AS met USING (kind)
LEFT JOIN publication.display_limit AS shown ON (shown.partner, shown.kind) = (told.partner, told.kind)
WHERE told.partner IN (SELECT partner FROM publication.open_feed)
  AND (shown.shown_from IS NULL
       OR coalesce(told.end_date, CASE WHEN shown.lasts THEN 'infinity' ELSE told.start_date END) >= shown.shown_from
       OR EXISTS (SELECT FROM publication.criterion_evidence AS decides WHERE decides.evidence_id = told.evidence_id));
