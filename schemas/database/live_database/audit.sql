-- The log of what was done, by whom. Each entry carries the hash of the one before, so an edit, a deletion in the
-- middle or a change of order shows, even one made by a superuser. A cut tail shows only against a checkpoint kept
-- elsewhere.

CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'Append-only, hash-chained log.';

CREATE TABLE audit.log (
    entry_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    action        text NOT NULL,
    subject       text NOT NULL,
    detail        jsonb NOT NULL,
    previous_hash bytea NOT NULL UNIQUE CHECK (octet_length(previous_hash) = 32),  -- UNIQUE: the chain cannot fork
    hash          bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE audit.log IS 'One row per thing done.';
COMMENT ON COLUMN audit.log.entry_id IS 'Number of the entry; there may be gaps, left by transactions that were rolled back.';
COMMENT ON COLUMN audit.log.at IS 'When, by the database''s clock.';
COMMENT ON COLUMN audit.log.actor IS 'Who did it: a person or a part of the pipeline.';
COMMENT ON COLUMN audit.log.action IS 'What was done.';
COMMENT ON COLUMN audit.log.subject IS 'To what: a delivery, a run, a family id.';
COMMENT ON COLUMN audit.log.detail IS 'Counts, versions and codes; never a person''s value.';
COMMENT ON COLUMN audit.log.previous_hash IS 'The hash of the entry before; 32 zero bytes for the first.';
COMMENT ON COLUMN audit.log.hash IS 'SHA-256 over previous_hash and the entry''s content as netstrings.';

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'audit.log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.log FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit.log FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

-- A netstring says its own length, so two different contents never join into the same bytes.
CREATE FUNCTION audit.netstring(content text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
RETURN convert_to(octet_length(convert_to(content, 'UTF8')) || ':' || content || ',', 'UTF8');

CREATE FUNCTION audit.append(actor text, action text, subject text, detail text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before bytea;
    entry  bigint;
    moment timestamptz;
    facts  jsonb := detail::jsonb;
BEGIN
    -- One appender at a time, until its transaction ends: the chain is a line. Readers are not held up.
    LOCK TABLE audit.log IN SHARE ROW EXCLUSIVE MODE;
    moment := clock_timestamp();  -- after the lock: entries are in the order of their times
    SELECT log.hash INTO before FROM audit.log ORDER BY log.entry_id DESC LIMIT 1;
    before := coalesce(before, decode(repeat('00', 32), 'hex'));
    entry := nextval(pg_get_serial_sequence('audit.log', 'entry_id'));
    INSERT INTO audit.log (entry_id, at, actor, action, subject, detail, previous_hash, hash)
    OVERRIDING SYSTEM VALUE
    VALUES (entry, moment, actor, action, subject, facts, before,
            sha256(before
                   || audit.netstring(entry::text)
                   || audit.netstring(to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
                   || audit.netstring(actor) || audit.netstring(action) || audit.netstring(subject)
                   || audit.netstring(facts::text)));
    RETURN entry;
END $$;
COMMENT ON FUNCTION audit.append IS 'Adds one entry to the chain inside the caller''s transaction; the only way in.';
