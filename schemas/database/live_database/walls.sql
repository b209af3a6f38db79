-- Roles, purposes and row-level security. A reader is an analyst, a caseworker or a partner; whoever reads states what
-- for, the purpose is checked against the agreements in force, and rows that the reader may not see are not there.
--
-- The policies stand on the tables behind the views, FORCEd, so that a view that somebody adds tomorrow has them too.
-- They look at current_user: a function that runs with its owner's rights sees all, and has to check by itself.

CREATE SCHEMA access;
COMMENT ON SCHEMA access IS 'Who may read for what: purposes in force, readers of closed feeds, logins. Written from schemas/ and by wholefamily roles.';

CREATE TABLE access.purpose (
    agreement_id    text NOT NULL,
    purpose         text NOT NULL CHECK (purpose ~ '^[a-z][a-z0-9_]{0,31}$'),
    description     text NOT NULL,
    aggregates_only boolean NOT NULL,
    start_date      date NOT NULL,
    end_date        date NOT NULL,
    PRIMARY KEY (agreement_id, purpose),
    CHECK (end_date >= start_date)
);
COMMENT ON TABLE access.purpose IS 'One row per agreement and purpose that it names, with the days it is in force; from schemas/agreements.';
COMMENT ON COLUMN access.purpose.aggregates_only IS 'The purpose is served by counts: it opens no row of a family.';

CREATE TABLE access.role_purpose (
    role_name text NOT NULL,
    purpose   text NOT NULL,
    PRIMARY KEY (role_name, purpose)
);
COMMENT ON TABLE access.role_purpose IS 'Which group may read for which purpose, from schemas/access.yaml. Default deny.';

CREATE TABLE access.closed_feed (
    partner      text PRIMARY KEY,
    agreement_id text NOT NULL
);
COMMENT ON TABLE access.closed_feed IS 'Partners whose feed an agreement closes to onward disclosure.';
CREATE TABLE access.closed_feed_reader (
    partner text NOT NULL REFERENCES access.closed_feed ON DELETE CASCADE,
    reader  text NOT NULL,
    what    text NOT NULL CHECK (what IN ('derived', 'rows')),
    PRIMARY KEY (partner, reader, what)
);
COMMENT ON TABLE access.closed_feed_reader IS 'Whom the agreement lets see what comes of a closed feed: flags, costs and scores that rest on it (derived), or its own rows. Default deny.';
COMMENT ON COLUMN access.closed_feed_reader.reader IS 'analyst, caseworker, or a partner.';
CREATE TABLE access.partner_family (
    partner      text PRIMARY KEY,
    agreement_id text NOT NULL
);
COMMENT ON TABLE access.partner_family IS 'Partners whose own login may see the families in which it has a part, by an agreement.';

CREATE TABLE access.login (
    login           text PRIMARY KEY,
    reader          text NOT NULL CHECK (reader IN ('analyst', 'caseworker', 'auditor', 'partner')),
    partner         text,
    districts       text[] NOT NULL DEFAULT '{}',
    only_own        boolean NOT NULL DEFAULT false,
    purposes        text[],
    default_purpose text,
    added_by        text NOT NULL,
    added_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((reader = 'partner') = (partner IS NOT NULL)),
    CHECK (reader = 'caseworker' OR (districts = '{}' AND NOT only_own))
);
COMMENT ON TABLE access.login IS 'One row per login of a reader and what limits it. A caseworker or partner that is not here sees nothing.';
COMMENT ON COLUMN access.login.districts IS 'Of a caseworker: cases allocated to these districts, or not yet allocated and of a family that lives in these areas; * for all.';
COMMENT ON COLUMN access.login.only_own IS 'Of a caseworker: only cases whose key worker is this login.';
COMMENT ON COLUMN access.login.purposes IS 'Purposes the login may state; empty: all that its group may.';
COMMENT ON COLUMN access.login.default_purpose IS 'The purpose that counts as stated when the session states none.';

-- Families that a partner's own records have a part in; replaced by each build.
CREATE TABLE publication.family_partner (
    family_id bigint NOT NULL,
    partner   text NOT NULL,
    persons   integer NOT NULL CHECK (persons > 0),
    as_at     date NOT NULL,
    run_id    bigint NOT NULL,
    PRIMARY KEY (partner, family_id)
);
COMMENT ON TABLE publication.family_partner IS 'One row per family and partner with records of its members: how many persons.';

-- Who asks. `acting` is the role that policies see (current_user); the limits of a login hold under SET ROLE too.
CREATE FUNCTION access.is_hub(acting name) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN pg_has_role(acting, (SELECT relowner FROM pg_class WHERE oid = 'access.login'::regclass), 'member')
    OR pg_has_role(acting, 'wf_pipeline', 'member') OR pg_has_role(acting, 'wf_linker', 'member')
    OR pg_has_role(acting, 'wf_evaluator', 'member');
COMMENT ON FUNCTION access.is_hub IS 'Whether a role is one of the pipeline''s own.';

CREATE FUNCTION access.subject(acting name) RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN access.is_hub(session_user) THEN acting ELSE session_user END;
COMMENT ON FUNCTION access.subject IS 'Whose limits hold: the login''s, whatever role it has set; the role that the hub itself acts as.';

CREATE FUNCTION access.kinds(acting name) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN (SELECT coalesce(array_agg(kind), '{}')
        FROM (VALUES ('analyst', 'wf_analyst'), ('caseworker', 'wf_caseworker'), ('partner', 'wf_partner'),
                     ('auditor', 'wf_auditor')) AS held (kind, role_name)
        WHERE pg_has_role(access.subject(acting), role_name::name, 'member'));
COMMENT ON FUNCTION access.kinds IS 'What kinds of reader somebody is.';

-- The purpose of the session. Refused with what to do; told to the server's log each time rows are opened by it.
CREATE FUNCTION access.require_purpose(acting name, aggregates boolean) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who   name := access.subject(acting);
    told  access.login;
    said  text;
    found access.purpose;
    open  text;
BEGIN
    SELECT * INTO told FROM access.login WHERE login = who;
    said := coalesce(nullif(current_setting('wf.purpose', true), ''), told.default_purpose);
    SELECT string_agg(DISTINCT p.purpose, ', ') INTO open
    FROM access.purpose AS p JOIN access.role_purpose AS r USING (purpose)
    WHERE current_date BETWEEN p.start_date AND p.end_date
      AND (told.purposes IS NULL OR p.purpose = ANY (told.purposes))
      AND EXISTS (SELECT FROM pg_roles AS g WHERE g.rolname = r.role_name AND pg_has_role(who, g.oid, 'member'));
    IF said IS NULL OR open IS NULL OR NOT said = ANY (string_to_array(open, ', ')) THEN
        RAISE EXCEPTION '%', CASE WHEN said IS NULL THEN 'no purpose is stated for this session'
                                  ELSE 'no agreement in force lets this login read for the purpose stated' END
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'state one: SET wf.purpose = ''…''. Open to this login: ' || coalesce(open, 'none') || '.';
    END IF;
    SELECT * INTO found FROM access.purpose AS p
    WHERE p.purpose = said AND current_date BETWEEN p.start_date AND p.end_date
    ORDER BY p.aggregates_only, p.agreement_id LIMIT 1;
    IF found.aggregates_only AND NOT aggregates THEN
        RAISE EXCEPTION 'the purpose stated is served by counts: it opens no rows of families'
            USING ERRCODE = 'insufficient_privilege', HINT = 'read summary, attrition or the programme views, or state another purpose.';
    END IF;
    -- EXPLAIN ANALYZE tells how many rows a policy took away, and so that they are there. (EXPLAIN alone runs nothing.)
    IF current_query() ~* '\mexplain\M' THEN
        RAISE EXCEPTION 'a query is not run to be explained'
            USING ERRCODE = 'insufficient_privilege', HINT = 'EXPLAIN without ANALYZE shows the plan; leave the word out elsewhere.';
    END IF;
    RAISE LOG 'wf.access %', jsonb_build_object('login', session_user, 'role', acting, 'purpose', said,
        'agreement', found.agreement_id, 'opens', CASE WHEN aggregates THEN 'aggregates' ELSE 'families' END);
END $$;
COMMENT ON FUNCTION access.require_purpose IS 'Raises when the session''s purpose does not open what is asked for.';

-- What the policies ask. Each is evaluated once per query, as (SELECT …).
CREATE FUNCTION access.all_families(acting name) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.is_hub(acting) THEN
        RETURN true;
    END IF;
    PERFORM access.require_purpose(acting, false);
    RETURN 'analyst' = ANY (access.kinds(acting));
END $$;
COMMENT ON FUNCTION access.all_families IS 'Whether every family is open to a reader. Raises without a purpose.';

CREATE FUNCTION access.own_partner(acting name) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.partner FROM access.login AS l
    WHERE l.login = access.subject(acting) AND l.reader = 'partner' AND 'partner' = ANY (access.kinds(acting))
$$;
COMMENT ON FUNCTION access.own_partner IS 'The partner whose login this is; empty for anybody else.';

CREATE FUNCTION access.own_cases(acting name) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.case_id
    FROM access.login AS l
    JOIN casework.family_case AS held ON true
    LEFT JOIN publication.family AS home USING (family_id)
    WHERE l.login = access.subject(acting) AND l.reader = 'caseworker' AND 'caseworker' = ANY (access.kinds(acting))
      AND (coalesce(held.district, home.area) = ANY (l.districts) OR '*' = ANY (l.districts))
      AND (NOT l.only_own OR held.key_worker = l.login)
$$;
COMMENT ON FUNCTION access.own_cases IS 'A caseworker''s cases: of the own district, or one''s own alone where the login says so.';

CREATE FUNCTION access.own_families(acting name) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.family_id FROM casework.family_case AS held
    WHERE held.case_id IN (SELECT access.own_cases(acting)) AND held.merged_into IS NULL
    UNION
    SELECT part.family_id
    FROM publication.family_partner AS part
    WHERE part.partner = access.own_partner(acting) AND EXISTS (
        SELECT FROM access.partner_family AS open
        JOIN access.purpose AS p USING (agreement_id)
        WHERE open.partner = part.partner AND current_date BETWEEN p.start_date AND p.end_date)
$$;
COMMENT ON FUNCTION access.own_families IS 'Families of a caseworker''s cases, or those in which a partner has a part and the agreement shows them.';

CREATE FUNCTION access.aggregates(acting name) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT access.is_hub(acting) THEN
        PERFORM access.require_purpose(acting, true);
    END IF;
    RETURN true;
END $$;
COMMENT ON FUNCTION access.aggregates IS 'True; raises without a purpose.';

-- Partners whose closed feed the reader may not see: what rests on it (derived), or its own rows.
CREATE FUNCTION access.closed_to(acting name, of_what text) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(feed.partner), '{}') FROM access.closed_feed AS feed
    WHERE NOT access.is_hub(acting)
      AND feed.partner IS DISTINCT FROM access.own_partner(acting)
      AND NOT EXISTS (
        SELECT FROM access.closed_feed_reader AS named
        WHERE named.partner = feed.partner AND named.what = of_what
          AND (named.reader = ANY (access.kinds(acting)) OR named.reader = access.own_partner(acting)))
$$;
COMMENT ON FUNCTION access.closed_to IS 'Partners whose feed is closed to a reader: what rests on it, or its rows.';

CREATE FUNCTION access.sees_derived(acting name) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT access.is_hub(acting)
        OR EXISTS (SELECT FROM access.closed_feed) AND cardinality(access.closed_to(acting, 'derived')) = 0
$$;
COMMENT ON FUNCTION access.sees_derived IS 'Whether a reader sees what rests on closed feeds. No feed known to be closed: nobody but the hub does.';

-- Raises the wall on a table: 'families' (by family_id), 'cases' (by case_id), 'selection' (families, and who is
-- selected rests on closed feeds), or 'aggregates'. Columns contains_dwp and partner are heeded where the table has them.
CREATE FUNCTION access.raise_wall(walled regclass, kind text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text;
    id   text;
BEGIN
    rule := CASE kind
        WHEN 'aggregates' THEN '(SELECT access.aggregates(current_user))'
        WHEN 'cases' THEN '((SELECT access.all_families(current_user)) OR case_id IN (SELECT access.own_cases(current_user)))'
        ELSE '((SELECT access.all_families(current_user)) OR family_id IN (SELECT access.own_families(current_user)))'
    END;
    IF kind = 'selection' THEN
        rule := rule || ' AND (SELECT access.sees_derived(current_user))';
    END IF;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = walled AND attname = 'contains_dwp' AND NOT attisdropped) THEN
        rule := rule || ' AND (NOT contains_dwp OR (SELECT access.sees_derived(current_user)))';
    END IF;
    IF kind <> 'aggregates'
       AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = walled AND attname = 'partner' AND NOT attisdropped) THEN
        rule := rule || ' AND NOT partner = ANY ((SELECT access.closed_to(current_user, ''rows''))::text[])';
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', walled);
    EXECUTE format('DROP POLICY IF EXISTS hub ON %s', walled);
    EXECUTE format('DROP POLICY IF EXISTS readers ON %s', walled);
    EXECUTE format('CREATE POLICY hub ON %s USING ((SELECT access.is_hub(current_user)))', walled);
    EXECUTE format('CREATE POLICY readers ON %s FOR SELECT USING (%s)', walled, rule);
    -- The planner's statistics keep frequent values, and EXPLAIN tells estimates made of them: not of who somebody is.
    FOR id IN SELECT attname FROM pg_attribute WHERE attrelid = walled AND NOT attisdropped
              AND attname IN ('family_id', 'person_id', 'case_id', 'evidence_id', 'record_id') LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', walled, id);
    END LOOP;
END $$;
COMMENT ON FUNCTION access.raise_wall IS 'Puts row-level security on a table, FORCEd: for migrations.';

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['family', 'family_member', 'criterion_result', 'criterion_evidence', 'flag_doubt',
        'family_cost', 'duplicated_service', 'priority', 'priority_part', 'service_contact', 'escalation',
        'family_partner'] LOOP
        PERFORM access.raise_wall(format('publication.%I', one)::regclass, 'families');
    END LOOP;
    FOREACH one IN ARRAY ARRAY['cohort', 'family_history', 'statement'] LOOP
        PERFORM access.raise_wall(format('publication.%I', one)::regclass, 'selection');
    END LOOP;
    FOREACH one IN ARRAY ARRAY['publication.progress', 'publication.progress_evidence', 'publication.claim_line',
        'casework.family_case', 'casework.step', 'casework.case_family', 'casework.case_record', 'casework.baseline',
        'casework.baseline_evidence', 'casework.problem', 'casework.certificate', 'casework.claim'] LOOP
        PERFORM access.raise_wall(one::regclass, 'cases');
    END LOOP;
    FOREACH one IN ARRAY ARRAY['attrition', 'summary', 'unit_cost', 'escalation_model', 'programme_evaluation',
        'programme_left_out', 'programme_effect', 'programme_issue', 'programme_balance', 'programme_return',
        'programme_share', 'estimate'] LOOP
        PERFORM access.raise_wall(format('publication.%I', one)::regclass, 'aggregates');
    END LOOP;
END $$;
-- A change of ids names two families, and is told to those who see every family.
ALTER TABLE publication.family_ledger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY hub ON publication.family_ledger USING ((SELECT access.is_hub(current_user)));
CREATE POLICY readers ON publication.family_ledger FOR SELECT USING ((SELECT access.all_families(current_user)));

-- What one partner holds and what a closed feed says stays out of a statement's details.
CREATE FUNCTION access.open_part(criteria jsonb, closed_rows text[], derived boolean) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(one.key, jsonb_set(one.value, '{evidence}', (
        SELECT coalesce(jsonb_agg(told.row ORDER BY told.place), '[]')
        FROM jsonb_array_elements(one.value -> 'evidence') WITH ORDINALITY AS told (row, place)
        WHERE NOT told.row ->> 0 = ANY (closed_rows)))), '{}')
    FROM jsonb_each(criteria) AS one
    WHERE derived OR NOT coalesce((one.value ->> 'contains_dwp')::boolean, true)
$$;
COMMENT ON FUNCTION access.open_part IS 'A statement''s criteria without the rows of closed feeds.';
CREATE OR REPLACE VIEW cohort.statement WITH (security_barrier) AS
SELECT pack, family_id, from_run, until_run, selected, standing, criteria_met,
       CASE WHEN (SELECT cardinality(access.closed_to(current_user, 'rows')) = 0) THEN criteria
            ELSE access.open_part(criteria, (SELECT access.closed_to(current_user, 'rows')),
                                  (SELECT access.sees_derived(current_user))) END AS criteria
FROM publication.statement;

-- A step by a caseworker's login is of a case it may see; of any other it is told that there is none.
CREATE FUNCTION casework.within_reach() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT access.is_hub(session_user) THEN
        PERFORM access.require_purpose(session_user, false);
        IF NOT NEW.case_id IN (SELECT access.own_cases(session_user)) THEN
            RAISE EXCEPTION 'there is no such case' USING ERRCODE = 'WFC01', HINT = 'look it up: wholefamily cases list';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_within_reach BEFORE INSERT ON casework.step FOR EACH ROW EXECUTE FUNCTION casework.within_reach();

-- What a partner's own login reads: its deliveries, what was rejected in them, their quality; and its families.
CREATE SCHEMA exchange;
COMMENT ON SCHEMA exchange IS 'For partners'' own logins: their deliveries, rejections and quality, and the families in which they have a part.';
CREATE VIEW exchange.delivery WITH (security_barrier) AS
SELECT delivery_id, sequence, state, kind, contract_version, encoding_version, key_version, agreement_id, period_from,
       period_to, created_at, received_at, decided_at, rows_delivered, rows_loaded, rows_quarantined, code, reason, remedy,
       warnings, superseded_by, withdrawn_at
FROM registry.delivery WHERE partner = (SELECT access.own_partner(current_user));
COMMENT ON VIEW exchange.delivery IS 'One row per delivery of this partner, whatever became of it.';
CREATE VIEW exchange.delivery_table WITH (security_barrier) AS
SELECT t.delivery_id, t.table_name, t.rows_delivered, t.rows_loaded, t.rows_quarantined
FROM registry.delivery_table AS t JOIN registry.delivery AS d USING (delivery_id)
WHERE d.partner = (SELECT access.own_partner(current_user));
COMMENT ON VIEW exchange.delivery_table IS 'One row per delivery and table.';
CREATE VIEW exchange.rejected_row WITH (security_barrier) AS
SELECT q.delivery_id, q.table_name, q.row_number, q.column_name, q.reason, q.cleared_by, q.cleared_at
FROM registry.quarantine AS q JOIN registry.delivery AS d USING (delivery_id)
WHERE d.partner = (SELECT access.own_partner(current_user));
COMMENT ON VIEW exchange.rejected_row IS 'One row per reason for which a delivered row was not loaded. Never its values.';
CREATE VIEW exchange.check_result WITH (security_barrier) AS
SELECT c.delivery_id, c.suite, c.expectation, c.column_name, c.severity, c.success, c.why
FROM registry.check_result AS c JOIN registry.delivery AS d USING (delivery_id)
WHERE d.partner = (SELECT access.own_partner(current_user));
COMMENT ON VIEW exchange.check_result IS 'One row per delivery and expectation evaluated.';
CREATE VIEW exchange.family WITH (security_barrier) AS
SELECT part.family_id, part.persons, part.as_at, part.run_id
FROM publication.family_partner AS part WHERE part.partner = (SELECT access.own_partner(current_user));
COMMENT ON VIEW exchange.family IS 'One row per family in which this partner''s own records have a part, where the agreement shows them: how many persons. Not who else is in it.';
CREATE VIEW exchange.criterion_result WITH (security_barrier) AS
SELECT r.family_id, r.pack, r.criterion, r.title, r.state, r.contains_dwp, r.as_at, r.run_id
FROM publication.criterion_result AS r
WHERE (SELECT access.own_partner(current_user)) IS NOT NULL;
COMMENT ON VIEW exchange.criterion_result IS 'One row per criterion of these families; what rests on a feed that is closed to this partner is not here.';

-- Who may do what. Functions that policies and views call run under the reader's own right to call them; without USAGE
-- on the schema nobody but the pipeline can name them.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
REVOKE ALL ON FUNCTION casework.within_reach FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wf_auditor, wf_partner', current_database());
END $$;
GRANT EXECUTE ON FUNCTION access.is_hub, access.subject, access.kinds, access.all_families, access.own_cases,
    access.own_families, access.aggregates, access.own_partner, access.closed_to, access.sees_derived, access.open_part
    TO wf_pipeline, wf_linker, wf_evaluator, wf_analyst, wf_caseworker, wf_partner;
GRANT SELECT, INSERT, UPDATE, DELETE ON publication.family_partner TO wf_pipeline, wf_evaluator;
GRANT USAGE ON SCHEMA access, registry, audit TO wf_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA access, registry, audit TO wf_auditor;
GRANT USAGE ON SCHEMA access TO wf_pipeline;
GRANT SELECT ON ALL TABLES IN SCHEMA access TO wf_pipeline;
-- Caseworkers see of their own families what the walls leave: who is in them, what is met, on which evidence.
GRANT SELECT ON cohort.family, cohort.family_member, cohort.criterion_result, cohort.criterion_evidence, cohort.chronology,
    cohort.escalation, cohort.service_contact TO wf_caseworker;
GRANT USAGE ON SCHEMA exchange TO wf_partner;
GRANT SELECT ON ALL TABLES IN SCHEMA exchange TO wf_partner;
