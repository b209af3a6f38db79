-- What was removed because no agreement covers it any more. Counts and names; the rows themselves are gone.

CREATE TABLE registry.reprocessed (
    reprocessed_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    partner        text NOT NULL,
    agreement_id   text,
    agreement_version text,
    removed        jsonb NOT NULL CHECK (jsonb_typeof(removed) = 'array'),
    sealed_copies  integer NOT NULL CHECK (sealed_copies >= 0)
);
COMMENT ON TABLE registry.reprocessed IS 'One row per partner and night in which rows or columns were removed that no agreement covers any more; append-only.';
COMMENT ON COLUMN registry.reprocessed.reprocessed_id IS 'Number of the entry.';
COMMENT ON COLUMN registry.reprocessed.at IS 'When; the next build makes what is published anew.';
COMMENT ON COLUMN registry.reprocessed.partner IS 'Whose rows.';
COMMENT ON COLUMN registry.reprocessed.agreement_id IS 'The agreement that says what is covered now; empty where none names the partner.';
COMMENT ON COLUMN registry.reprocessed.agreement_version IS 'Its version.';
COMMENT ON COLUMN registry.reprocessed.removed IS 'Per table and column: whether rows went or a column was emptied, how many, and why.';
COMMENT ON COLUMN registry.reprocessed.sealed_copies IS 'How many sealed copies of deliveries were deleted with it.';
GRANT SELECT, INSERT ON registry.reprocessed TO wf_pipeline;
