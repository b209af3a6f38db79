-- What arrived, from whom, under which agreement, and what became of it. Read by the data team and the IG lead.
-- (schema registry itself is made before the first migration, for the version table)

COMMENT ON SCHEMA registry IS 'Deliveries, quarantine, checks, runs and freshness. No row of a person.';

CREATE TABLE registry.partner (
    partner          text PRIMARY KEY CHECK (partner ~ '^[a-z][a-z0-9_]{0,31}$'),
    name             text NOT NULL,
    contract_version text NOT NULL,
    contract_sha256  text NOT NULL CHECK (contract_sha256 ~ '^[0-9a-f]{64}$'),
    schedule         text,
    freshness_days   integer CHECK (freshness_days > 0)
);
COMMENT ON TABLE registry.partner IS 'One row per partner with a contract.';
COMMENT ON COLUMN registry.partner.partner IS 'Short name of the partner, as in its contract.';
COMMENT ON COLUMN registry.partner.name IS 'The partner''s name for people to read.';
COMMENT ON COLUMN registry.partner.contract_version IS 'Version of the contract last used.';
COMMENT ON COLUMN registry.partner.contract_sha256 IS 'SHA-256 of the contract file last used, in hexadecimal.';
COMMENT ON COLUMN registry.partner.schedule IS 'When the partner delivers, as a cron expression.';
COMMENT ON COLUMN registry.partner.freshness_days IS 'Days after which the last accepted period counts as stale.';

CREATE TABLE registry.delivery (
    delivery_id              text PRIMARY KEY,
    partner                  text NOT NULL REFERENCES registry.partner,
    sequence                 integer NOT NULL CHECK (sequence >= 1),
    state                    text NOT NULL CHECK (state IN ('received', 'opened', 'accepted', 'accepted_with_quarantine',
                                                            'rejected', 'superseded', 'withdrawn')),
    kind                     text CHECK (kind IN ('full', 'delta')),
    manifest_sha256          text CHECK (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    previous_manifest_sha256 text CHECK (previous_manifest_sha256 ~ '^[0-9a-f]{64}$'),
    contract_version         text,
    encoding_version         integer,
    key_version              integer,
    agreement_id             text,
    period_from              date,
    period_to                date,
    created_at               timestamptz,
    received_at              timestamptz NOT NULL DEFAULT now(),
    decided_at               timestamptz,
    rows_delivered           bigint CHECK (rows_delivered >= 0),
    rows_loaded              bigint CHECK (rows_loaded >= 0),
    rows_quarantined         bigint CHECK (rows_quarantined >= 0),
    code                     text,
    reason                   text,
    remedy                   text,
    warnings                 jsonb NOT NULL DEFAULT '[]',
    known_answers            text[],
    chance_agreement         jsonb,
    CHECK (period_to >= period_from),
    -- Every delivered row ends in exactly one place.
    CONSTRAINT delivered_is_loaded_plus_quarantined
        CHECK (state NOT IN ('accepted', 'accepted_with_quarantine', 'superseded')
               OR (rows_delivered IS NOT NULL AND rows_delivered = rows_loaded + rows_quarantined)),
    CONSTRAINT rejection_says_why
        CHECK (state <> 'rejected' OR (code IS NOT NULL AND reason IS NOT NULL AND remedy IS NOT NULL))
);
-- One accepted delivery per place in a partner's sequence; a rejected one may be sent again under its number.
CREATE UNIQUE INDEX delivery_accepted_sequence ON registry.delivery (partner, sequence)
    WHERE state IN ('accepted', 'accepted_with_quarantine', 'superseded');
COMMENT ON TABLE registry.delivery IS 'One row per delivery that reached the hub, whatever became of it.';
COMMENT ON COLUMN registry.delivery.delivery_id IS 'Name of the delivery: partner, sequence number, random part.';
COMMENT ON COLUMN registry.delivery.partner IS 'Who delivered.';
COMMENT ON COLUMN registry.delivery.sequence IS 'Place in the partner''s own numbering of deliveries.';
COMMENT ON COLUMN registry.delivery.state IS 'received, opened, accepted, accepted_with_quarantine, rejected, superseded or withdrawn.';
COMMENT ON COLUMN registry.delivery.kind IS 'full: replaces all earlier rows of the partner; delta: adds to them.';
COMMENT ON COLUMN registry.delivery.manifest_sha256 IS 'SHA-256 of the signed manifest, in hexadecimal.';
COMMENT ON COLUMN registry.delivery.previous_manifest_sha256 IS 'SHA-256 of the manifest before it, as the partner states it.';
COMMENT ON COLUMN registry.delivery.contract_version IS 'Version of the contract the delivery was made under.';
COMMENT ON COLUMN registry.delivery.encoding_version IS 'Version of the encoding of names and dates.';
COMMENT ON COLUMN registry.delivery.key_version IS 'Version of the linkage key.';
COMMENT ON COLUMN registry.delivery.agreement_id IS 'The data sharing agreement it was taken in under.';
COMMENT ON COLUMN registry.delivery.period_from IS 'First day the delivery covers.';
COMMENT ON COLUMN registry.delivery.period_to IS 'Last day the delivery covers.';
COMMENT ON COLUMN registry.delivery.created_at IS 'When the partner sealed it, by the partner''s clock.';
COMMENT ON COLUMN registry.delivery.received_at IS 'When the hub first saw it.';
COMMENT ON COLUMN registry.delivery.decided_at IS 'When it was accepted or rejected.';
COMMENT ON COLUMN registry.delivery.rows_delivered IS 'Rows delivered over all tables, headers excluded.';
COMMENT ON COLUMN registry.delivery.rows_loaded IS 'Rows loaded.';
COMMENT ON COLUMN registry.delivery.rows_quarantined IS 'Rows quarantined.';
COMMENT ON COLUMN registry.delivery.code IS 'Short code of a rejection, for counting.';
COMMENT ON COLUMN registry.delivery.reason IS 'Why it was rejected, for people to read; never a person''s value.';
COMMENT ON COLUMN registry.delivery.remedy IS 'What to do about it, and who.';
COMMENT ON COLUMN registry.delivery.warnings IS 'Warnings recorded while checking, as a list of texts.';
COMMENT ON COLUMN registry.delivery.known_answers IS 'SHA-256 of the encodings of the fixed test people: equal means same key and encoding.';
COMMENT ON COLUMN registry.delivery.chance_agreement IS 'Per comparison, how many random pairs of the partner''s people fell on each level.';

CREATE TABLE registry.delivery_table (
    delivery_id      text NOT NULL REFERENCES registry.delivery,
    table_name       text NOT NULL,
    rows_delivered   bigint NOT NULL CHECK (rows_delivered >= 0),
    rows_loaded      bigint NOT NULL CHECK (rows_loaded >= 0),
    rows_quarantined bigint NOT NULL CHECK (rows_quarantined >= 0),
    PRIMARY KEY (delivery_id, table_name),
    CHECK (rows_delivered = rows_loaded + rows_quarantined)
);
COMMENT ON TABLE registry.delivery_table IS 'One row per delivery and table.';
COMMENT ON COLUMN registry.delivery_table.delivery_id IS 'The delivery.';
COMMENT ON COLUMN registry.delivery_table.table_name IS 'The table, as the contract names it.';
COMMENT ON COLUMN registry.delivery_table.rows_delivered IS 'Rows delivered, header excluded.';
COMMENT ON COLUMN registry.delivery_table.rows_loaded IS 'Rows loaded.';
COMMENT ON COLUMN registry.delivery_table.rows_quarantined IS 'Rows quarantined.';

CREATE TABLE registry.quarantine (
    delivery_id text NOT NULL REFERENCES registry.delivery,
    table_name  text NOT NULL,
    row_number  bigint NOT NULL,
    column_name text,
    reason      text NOT NULL
);
CREATE INDEX quarantine_delivery ON registry.quarantine (delivery_id, table_name, row_number);
COMMENT ON TABLE registry.quarantine IS 'One row per reason for which a delivered row was not loaded. Never its values.';
COMMENT ON COLUMN registry.quarantine.delivery_id IS 'The delivery.';
COMMENT ON COLUMN registry.quarantine.table_name IS 'The table, as the contract names it.';
COMMENT ON COLUMN registry.quarantine.row_number IS 'Line in the partner''s raw file; the header is line 1.';
COMMENT ON COLUMN registry.quarantine.column_name IS 'The column at fault; empty when the whole row is.';
COMMENT ON COLUMN registry.quarantine.reason IS 'Reason code.';

CREATE TABLE registry.check_result (
    delivery_id text NOT NULL REFERENCES registry.delivery,
    suite       text NOT NULL,
    expectation text NOT NULL,
    column_name text,
    severity    text NOT NULL CHECK (severity IN ('critical', 'warning')),
    success     boolean NOT NULL,
    why         text
);
CREATE INDEX check_result_delivery ON registry.check_result (delivery_id);
COMMENT ON TABLE registry.check_result IS 'One row per delivery and expectation evaluated.';
COMMENT ON COLUMN registry.check_result.delivery_id IS 'The delivery.';
COMMENT ON COLUMN registry.check_result.suite IS 'The suite of expectations.';
COMMENT ON COLUMN registry.check_result.expectation IS 'The expectation.';
COMMENT ON COLUMN registry.check_result.column_name IS 'The column it looks at; empty when it looks at the table.';
COMMENT ON COLUMN registry.check_result.severity IS 'critical rejects the delivery; warning is recorded.';
COMMENT ON COLUMN registry.check_result.success IS 'Whether the expectation held.';
COMMENT ON COLUMN registry.check_result.why IS 'Why this is expected, from the suite.';

CREATE TABLE registry.run (
    run_id        bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('build', 'demo')),
    as_at         date NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    state         text NOT NULL CHECK (state IN ('running', 'published', 'failed')),
    code_version  text,
    pack          text,
    pack_version  text,
    model_version integer,
    counts        jsonb NOT NULL DEFAULT '{}',
    timings       jsonb NOT NULL DEFAULT '{}',
    parameters    jsonb NOT NULL DEFAULT '{}',
    blocking      jsonb NOT NULL DEFAULT '[]',
    CHECK (finished_at >= started_at)
);
COMMENT ON TABLE registry.run IS 'One row per build of the live database.';
COMMENT ON COLUMN registry.run.run_id IS 'Number of the run.';
COMMENT ON COLUMN registry.run.kind IS 'build or demo.';
COMMENT ON COLUMN registry.run.as_at IS 'The date for which criteria were evaluated.';
COMMENT ON COLUMN registry.run.started_at IS 'When it started.';
COMMENT ON COLUMN registry.run.finished_at IS 'When it published or failed.';
COMMENT ON COLUMN registry.run.state IS 'running, published or failed.';
COMMENT ON COLUMN registry.run.code_version IS 'Version of the program.';
COMMENT ON COLUMN registry.run.pack IS 'The criteria pack.';
COMMENT ON COLUMN registry.run.pack_version IS 'Its version.';
COMMENT ON COLUMN registry.run.model_version IS 'Version of the link model.';
COMMENT ON COLUMN registry.run.counts IS 'Counts from rows to flagged families.';
COMMENT ON COLUMN registry.run.timings IS 'Seconds per stage.';
COMMENT ON COLUMN registry.run.parameters IS 'The link model as estimated: m, u and weight per comparison and level.';
COMMENT ON COLUMN registry.run.blocking IS 'Per blocking pass: blocks, candidate pairs, blocks left out.';

CREATE VIEW registry.freshness AS
SELECT p.partner,
       d.period_to,
       d.decided_at AS accepted_at,
       d.rows_loaded,
       d.rows_quarantined
FROM registry.partner AS p
LEFT JOIN LATERAL (
    SELECT period_to, decided_at, rows_loaded, rows_quarantined
    FROM registry.delivery
    WHERE delivery.partner = p.partner AND state IN ('accepted', 'accepted_with_quarantine')
    ORDER BY period_to DESC, sequence DESC
    LIMIT 1
) AS d ON true;
COMMENT ON VIEW registry.freshness IS 'One row per partner: its newest accepted delivery; empty where there is none yet.';
COMMENT ON COLUMN registry.freshness.partner IS 'The partner.';
COMMENT ON COLUMN registry.freshness.period_to IS 'Last day covered by its newest accepted delivery.';
COMMENT ON COLUMN registry.freshness.accepted_at IS 'When that delivery was accepted.';
COMMENT ON COLUMN registry.freshness.rows_loaded IS 'Rows that delivery loaded.';
COMMENT ON COLUMN registry.freshness.rows_quarantined IS 'Rows of it that were quarantined.';
