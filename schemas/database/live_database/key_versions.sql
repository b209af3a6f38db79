-- Versions of the linkage key side by side: under which each token stands, so that none is compared with one of another
-- version, and so that everything under a closed version can be taken away and counted.

ALTER TABLE identity.record ADD COLUMN key_version integer CHECK (key_version > 0);
UPDATE identity.record r SET key_version = d.key_version FROM registry.delivery d WHERE d.delivery_id = r.delivery_id;
ALTER TABLE identity.record ADD CONSTRAINT no_token_without_a_key CHECK (
    key_version IS NOT NULL
    OR num_nonnulls(nino_token, nhs_number_token, upn_token, pnc_id_token, uprn_token, address_token, postcode_token) = 0);
COMMENT ON COLUMN identity.record.key_version IS 'Version of the linkage key its tokens and encodings are under; empty once that version was closed and they were taken away.';

-- A place keeps its number under a new key; what says so are the same spells, delivered again (pipeline.ingest.places).
ALTER TABLE identity.place DROP CONSTRAINT place_pkey, ADD COLUMN key_version integer CHECK (key_version > 0);
UPDATE identity.place SET key_version = coalesce(
    (SELECT max(key_version) FROM registry.delivery WHERE state IN ('accepted', 'accepted_with_quarantine')), 1);
ALTER TABLE identity.place ALTER COLUMN key_version SET NOT NULL, ADD PRIMARY KEY (place_id, key_version),
    DROP CONSTRAINT place_place_token_key, ADD CONSTRAINT place_token_of_a_version UNIQUE (key_version, place_token);
COMMENT ON TABLE identity.place IS 'One row per place and version of the key: its UPRN token, else its address token.';
COMMENT ON COLUMN identity.place.key_version IS 'Version of the linkage key the token is under.';

ALTER TABLE identity.link_print ADD COLUMN key_version integer;
UPDATE identity.link_print p SET key_version = coalesce(
    (SELECT r.key_version FROM identity.record r WHERE r.record_id = p.record_id), 1);
ALTER TABLE identity.link_print ALTER COLUMN key_version SET NOT NULL;
COMMENT ON COLUMN identity.link_print.key_version IS 'Version of the linkage key the record stood under; 0: its tokens had been taken away.';

ALTER TABLE identity.link_pair ADD COLUMN key_version integer;
UPDATE identity.link_pair p SET key_version = coalesce(
    (SELECT r.key_version FROM identity.record r WHERE r.record_id = p.record_a), 1);
ALTER TABLE identity.link_pair ALTER COLUMN key_version SET NOT NULL;
COMMENT ON COLUMN identity.link_pair.key_version IS 'Version of the linkage key the two were compared under. Another than theirs: carried, since they cannot be compared now.';

ALTER TABLE identity.link_fit ADD COLUMN one_version_to bigint NOT NULL DEFAULT 0;
UPDATE identity.link_fit SET one_version_to = coalesce((SELECT max(record_id) FROM identity.record), 0);
ALTER TABLE identity.link_fit ALTER COLUMN one_version_to DROP DEFAULT;
COMMENT ON COLUMN identity.link_fit.one_version_to IS 'Highest record_id on the last night on which all records stood under one version: newer ones have been compared with their own version only.';

CREATE TABLE registry.key_closing (
    key_version integer PRIMARY KEY CHECK (key_version > 0),
    closed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_by   text NOT NULL CHECK (closed_by ~ '\S'),
    why         text NOT NULL CHECK (why ~ '\S'),
    at_once     boolean NOT NULL,
    taken_away  jsonb NOT NULL
);
COMMENT ON TABLE registry.key_closing IS 'One row per version of the linkage key that was closed; it is never opened again.';
COMMENT ON COLUMN registry.key_closing.key_version IS 'The version.';
COMMENT ON COLUMN registry.key_closing.closed_at IS 'When everything under it was taken away.';
COMMENT ON COLUMN registry.key_closing.closed_by IS 'Who closed it.';
COMMENT ON COLUMN registry.key_closing.why IS 'Why.';
COMMENT ON COLUMN registry.key_closing.at_once IS 'Whether partners still stood under it, whose records then wait, without tokens, for their next full delivery.';
COMMENT ON COLUMN registry.key_closing.taken_away IS 'Rows taken away or emptied, by what they were.';
GRANT SELECT, INSERT ON registry.key_closing TO wf_pipeline;
GRANT SELECT ON registry.key_closing TO wf_linker;
