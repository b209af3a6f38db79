-- Who may do what. Default deny: nothing here is granted to PUBLIC. The roles are made beforehand, by
-- pipeline/store/roles.py, because they belong to the server and not to this database.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;

-- The pipeline: takes deliveries in, keeps the person maps, publishes. Not the audit log, but by its own function.
GRANT USAGE ON SCHEMA registry, identity, evidence, publication, cohort, audit TO wf_pipeline;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA registry, identity, evidence, publication TO wf_pipeline;
REVOKE INSERT, UPDATE, DELETE ON registry.schema_version, registry.freshness FROM wf_pipeline;
GRANT SELECT ON ALL TABLES IN SCHEMA cohort, audit TO wf_pipeline;
GRANT EXECUTE ON FUNCTION audit.append TO wf_pipeline;

-- The linker: tokens in, links and persons out. Never evidence.
GRANT USAGE ON SCHEMA registry, identity, audit TO wf_linker;
GRANT SELECT ON registry.partner, registry.delivery, registry.run TO wf_linker;
GRANT SELECT ON ALL TABLES IN SCHEMA identity TO wf_linker;
GRANT INSERT, UPDATE, DELETE ON identity.link, identity.person, identity.person_ledger TO wf_linker;
GRANT EXECUTE ON FUNCTION audit.append TO wf_linker;

-- The evaluator: evidence in, families and criteria out. Never tokens or encodings.
GRANT USAGE ON SCHEMA registry, evidence, publication, audit TO wf_evaluator;
GRANT SELECT ON registry.partner, registry.delivery, registry.run, registry.freshness TO wf_evaluator;
GRANT SELECT ON ALL TABLES IN SCHEMA evidence, publication TO wf_evaluator;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA publication TO wf_evaluator;
GRANT EXECUTE ON FUNCTION audit.append TO wf_evaluator;

-- Analysts: the cohort views, and nothing else.
GRANT USAGE ON SCHEMA cohort TO wf_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA cohort TO wf_analyst;
