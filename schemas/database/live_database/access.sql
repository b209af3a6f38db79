-- Who looked at what, and what for. Readers cannot write, so what they ask is told by the server to its log, and taken
-- from there every night; the hub's own commands write their accesses into audit.log as they happen.

CREATE TABLE access.query (
    login     text NOT NULL,
    at        timestamptz NOT NULL,
    process   integer NOT NULL,
    place     integer NOT NULL,
    purpose   text,
    agreement_id text,
    opened    text CHECK (opened IN ('families', 'aggregates')),
    relations text[] NOT NULL,
    rows      bigint CHECK (rows >= 0),
    families  bigint[],
    no_others boolean NOT NULL DEFAULT false CHECK (NOT no_others OR families IS NOT NULL),
    collected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (at, process, place)
);
CREATE INDEX query_login ON access.query (login, at);
CREATE INDEX query_families ON access.query USING gin (families);
COMMENT ON TABLE access.query IS 'One row per query of a reader''s login that was carried out: what it read, what for, and which families where that can be known. Never its text.';
COMMENT ON COLUMN access.query.process IS 'The server''s process number; with time and place it tells one query from every other.';
COMMENT ON COLUMN access.query.place IS 'Which of the process''s queries of that moment.';
COMMENT ON COLUMN access.query.purpose IS 'The purpose of the session; empty where nothing was opened by one.';
COMMENT ON COLUMN access.query.opened IS 'What the purpose opened: rows of families, or counts.';
COMMENT ON COLUMN access.query.relations IS 'Views and functions that the query names.';
COMMENT ON COLUMN access.query.rows IS 'Rows that came back; empty where the server does not tell (pgaudit does).';
COMMENT ON COLUMN access.query.families IS 'Families that the query names by number; empty where it names none.';
COMMENT ON COLUMN access.query.no_others IS 'It can have shown no other family; where false, any that is open to the login.';

CREATE FUNCTION access.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'what was looked at stays as it was' USING ERRCODE = 'insufficient_privilege';
END $$;
REVOKE ALL ON FUNCTION access.refuse_change() FROM PUBLIC;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON access.query
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON access.query
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

GRANT SELECT, INSERT ON access.query TO wf_pipeline;
GRANT SELECT ON access.query TO wf_auditor;
