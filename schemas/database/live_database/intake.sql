-- What ingest measures of each delivery and holds the next ones against.

CREATE TABLE registry.feed_measure (
    delivery_id text NOT NULL REFERENCES registry.delivery ON DELETE CASCADE,
    table_name  text NOT NULL,
    measure     text NOT NULL CHECK (measure = 'rows' OR measure = 'changed' OR measure LIKE 'missing %'),
    value       double precision NOT NULL CHECK (value >= 0),
    PRIMARY KEY (delivery_id, table_name, measure)
);
COMMENT ON TABLE registry.feed_measure IS 'One row per delivery, table and measure of the partner''s whole feed as it stood with that delivery. Counts and shares, never a value of a row.';
COMMENT ON COLUMN registry.feed_measure.delivery_id IS 'The delivery.';
COMMENT ON COLUMN registry.feed_measure.table_name IS 'The table, as the contract names it.';
COMMENT ON COLUMN registry.feed_measure.measure IS 'rows: rows loaded of the whole feed. changed: share of the people loaded before whom a delta replaces or removes. missing COLUMN: share of empty cells (full deliveries).';
COMMENT ON COLUMN registry.feed_measure.value IS 'The count or share.';
GRANT SELECT, INSERT, UPDATE, DELETE ON registry.feed_measure TO wf_pipeline;
GRANT SELECT ON registry.feed_measure TO wf_auditor;
