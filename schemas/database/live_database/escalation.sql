-- Rising involvement and the customer's journey. What rests on a feed that is blocked for onward disclosure (DWP) is
-- shown only to roles that publication.reader_feed names for that feed; nobody is named until a build has written it.
-- Every table here is replaced by each build in its one transaction.

CREATE TABLE publication.reader_feed (
    role_name text NOT NULL,
    partner   text NOT NULL,
    PRIMARY KEY (role_name, partner)
);
COMMENT ON TABLE publication.reader_feed IS 'Which role may read rows of which partner''s feed, as declared in schemas/escalation and the agreements. Default deny.';
COMMENT ON COLUMN publication.reader_feed.role_name IS 'The database role; it need not exist yet.';
COMMENT ON COLUMN publication.reader_feed.partner IS 'The partner whose feed it may see.';
CREATE TABLE publication.blocked_feed (
    partner text PRIMARY KEY
);
COMMENT ON TABLE publication.blocked_feed IS 'Partners whose feed an agreement blocks for onward disclosure.';

-- Feeds whose rows are open to whoever asks: to a role that is named, or that belongs to one.
CREATE VIEW publication.open_feed AS
SELECT DISTINCT named.partner
FROM publication.reader_feed AS named
JOIN pg_catalog.pg_roles AS role ON role.rolname = named.role_name
WHERE pg_has_role(current_user, role.oid, 'usage');
COMMENT ON VIEW publication.open_feed IS 'Partners whose rows the current role may see.';
CREATE VIEW publication.all_open AS
SELECT NOT EXISTS (
    SELECT partner FROM publication.blocked_feed EXCEPT SELECT partner FROM publication.open_feed
) AS yes;
COMMENT ON VIEW publication.all_open IS 'Whether the current role may see every feed that is blocked for others.';

CREATE TABLE publication.agency (
    agency text PRIMARY KEY,
    title  text NOT NULL,
    place  integer NOT NULL
);
COMMENT ON TABLE publication.agency IS 'One row per agency that families meet, as declared in schemas/escalation; together: all that are open to every partner.';
CREATE TABLE publication.agency_of_kind (
    kind   text PRIMARY KEY,
    agency text NOT NULL
);
COMMENT ON TABLE publication.agency_of_kind IS 'Which kind of evidence is a contact, and with which agency.';
CREATE TABLE publication.service_contact (
    family_id    bigint NOT NULL,
    agency       text NOT NULL,
    month_end    date NOT NULL,
    contacts     integer NOT NULL CHECK (contacts > 0),
    contains_dwp boolean NOT NULL,
    as_at        date NOT NULL,
    run_id       bigint NOT NULL,
    PRIMARY KEY (family_id, agency, month_end)
);
CREATE TABLE publication.escalation (
    family_id       bigint NOT NULL,
    agency          text NOT NULL,
    state           text NOT NULL CHECK (state IN ('rising', 'not_rising', 'unknown')),
    reason          text,
    window_from     date NOT NULL,
    window_to       date NOT NULL,
    contacts        integer CHECK (contacts >= 0),
    contacts_before integer CHECK (contacts_before >= 0),
    expected        double precision CHECK (expected >= 0),
    times_expected  double precision,
    p_value         double precision CHECK (p_value BETWEEN 0 AND 1),
    q_value         double precision CHECK (q_value BETWEEN 0 AND 1),
    contains_dwp    boolean NOT NULL,
    as_at           date NOT NULL,
    run_id          bigint NOT NULL,
    PRIMARY KEY (family_id, agency),
    CHECK ((state = 'unknown') = (p_value IS NULL)),
    CHECK ((state = 'unknown') = (reason IS NOT NULL))
);
CREATE TABLE publication.escalation_model (
    agency          text PRIMARY KEY,
    state           text NOT NULL,
    peer_group      text NOT NULL,
    peers           integer NOT NULL,
    mean_per_month  double precision,
    months_worth    double precision,
    discount        double precision,
    windows_fitted  integer NOT NULL,
    families_tested integer NOT NULL,
    alerts          integer NOT NULL,
    as_at           date NOT NULL,
    run_id          bigint NOT NULL
);

CREATE VIEW cohort.escalation WITH (security_barrier) AS
SELECT family_id, agency, state, reason, window_from, window_to, contacts, contacts_before, expected, times_expected,
       p_value, q_value, contains_dwp, as_at, run_id
FROM publication.escalation
WHERE NOT contains_dwp OR (SELECT yes FROM publication.all_open);
COMMENT ON VIEW cohort.escalation IS 'One row per selected family and agency: contacts of the last months against what its own past and its peers let expect. An alert is a reason to look, never a finding.';
COMMENT ON COLUMN cohort.escalation.family_id IS 'The family.';
COMMENT ON COLUMN cohort.escalation.agency IS 'The agency; together: all whose feeds are open to every partner.';
COMMENT ON COLUMN cohort.escalation.window_from IS 'First day of the months looked at.';
COMMENT ON COLUMN cohort.escalation.window_to IS 'Last day of them.';
COMMENT ON COLUMN cohort.escalation.contacts IS 'Days with a contact in these months; empty where unknown.';
COMMENT ON COLUMN cohort.escalation.contacts_before IS 'Days with a contact in the twelve months before them (as set in schemas/escalation).';
COMMENT ON COLUMN cohort.escalation.expected IS 'Contact days to be expected in these months, were nothing to have changed.';
COMMENT ON COLUMN cohort.escalation.times_expected IS 'Contacts over expected.';
COMMENT ON COLUMN cohort.escalation.p_value IS 'Chance of so many contacts or more, were nothing to have changed.';
COMMENT ON COLUMN cohort.escalation.q_value IS 'The same after allowing for every test of the night (Benjamini and Hochberg).';
COMMENT ON COLUMN cohort.escalation.state IS 'rising: beyond chance and large enough to matter, an alert; not_rising; unknown where it cannot be said.';
COMMENT ON COLUMN cohort.escalation.reason IS 'Why it cannot be said; empty otherwise.';
COMMENT ON COLUMN cohort.escalation.contains_dwp IS 'True when it rests on DWP data: shown only to roles that may see them.';
COMMENT ON COLUMN cohort.escalation.as_at IS 'The date this row speaks of.';
COMMENT ON COLUMN cohort.escalation.run_id IS 'The run it belongs to.';

CREATE VIEW cohort.service_contact WITH (security_barrier) AS
SELECT family_id, agency, month_end, contacts, contains_dwp, as_at, run_id
FROM publication.service_contact
WHERE NOT contains_dwp OR (SELECT yes FROM publication.all_open);
COMMENT ON VIEW cohort.service_contact IS 'One row per selected family, agency and month with a contact.';
COMMENT ON COLUMN cohort.service_contact.family_id IS 'The family.';
COMMENT ON COLUMN cohort.service_contact.agency IS 'The agency; together: all whose feeds are open to every partner.';
COMMENT ON COLUMN cohort.service_contact.month_end IS 'Last day of the month counted; months end on the day of the as-at date.';
COMMENT ON COLUMN cohort.service_contact.contacts IS 'Days with a contact in that month.';
COMMENT ON COLUMN cohort.service_contact.contains_dwp IS 'True when DWP data are among them: shown only to roles that may see them.';
COMMENT ON COLUMN cohort.service_contact.as_at IS 'The date this row speaks of.';
COMMENT ON COLUMN cohort.service_contact.run_id IS 'The run it belongs to.';

CREATE VIEW cohort.escalation_model WITH (security_barrier) AS
SELECT agency, title, state, peer_group, peers, mean_per_month, months_worth, discount, windows_fitted, families_tested,
       alerts, as_at, run_id
FROM publication.escalation_model JOIN publication.agency USING (agency);
COMMENT ON VIEW cohort.escalation_model IS 'One row per agency: the peers'' rates that families are held against, as fitted.';
COMMENT ON COLUMN cohort.escalation_model.agency IS 'The agency; together: all whose feeds are open to every partner.';
COMMENT ON COLUMN cohort.escalation_model.title IS 'The agency in words.';
COMMENT ON COLUMN cohort.escalation_model.state IS 'tested, or why it was not: no feed covers it, too short a past, too few peers, no contact by any peer.';
COMMENT ON COLUMN cohort.escalation_model.peer_group IS 'Whom families are held against: selected families, or those that meet a criterion.';
COMMENT ON COLUMN cohort.escalation_model.peers IS 'Number of families held against.';
COMMENT ON COLUMN cohort.escalation_model.mean_per_month IS 'Contact days a month of the average peer, in the months before those looked at.';
COMMENT ON COLUMN cohort.escalation_model.months_worth IS 'How many months of a family''s own past its peers'' average weighs as much as.';
COMMENT ON COLUMN cohort.escalation_model.discount IS 'What a contact weighs a month later.';
COMMENT ON COLUMN cohort.escalation_model.windows_fitted IS 'Earlier windows the figures were fitted on.';
COMMENT ON COLUMN cohort.escalation_model.families_tested IS 'Number of families tested.';
COMMENT ON COLUMN cohort.escalation_model.alerts IS 'Number of alerts.';
COMMENT ON COLUMN cohort.escalation_model.as_at IS 'The date this row speaks of.';
COMMENT ON COLUMN cohort.escalation_model.run_id IS 'The run it belongs to.';

CREATE VIEW cohort.chronology WITH (security_barrier) AS
SELECT member.family_id, member.person_id, fact.start_date, fact.end_date, fact.partner,
       coalesce(met.agency, fact.partner) AS agency, fact.kind, fact.role, fact.evidence_id
FROM publication.family_member AS member
JOIN evidence.person AS person USING (person_id)
JOIN evidence.fact AS fact USING (record_id)
LEFT JOIN publication.agency_of_kind AS met USING (kind)
WHERE member.end_date IS NULL
  AND member.role IN ('adult', 'child')
  AND EXISTS (SELECT FROM publication.cohort AS now
              WHERE now.family_id = member.family_id AND now.cohort_end_date IS NULL)
  AND fact.partner IN (SELECT partner FROM publication.open_feed);
COMMENT ON VIEW cohort.chronology IS 'One row per piece of evidence of a selected family''s members, across agencies: the customer''s journey. Only feeds that the role may see.';
COMMENT ON COLUMN cohort.chronology.family_id IS 'The family.';
COMMENT ON COLUMN cohort.chronology.person_id IS 'The member it is about.';
COMMENT ON COLUMN cohort.chronology.start_date IS 'The day, or the first day of the period.';
COMMENT ON COLUMN cohort.chronology.end_date IS 'Last day of the period; empty while it lasts, or for one day.';
COMMENT ON COLUMN cohort.chronology.partner IS 'The partner it came from.';
COMMENT ON COLUMN cohort.chronology.agency IS 'The agency met; the partner where the kind is no contact.';
COMMENT ON COLUMN cohort.chronology.kind IS 'Kind of evidence, as in the evidence vocabulary.';
COMMENT ON COLUMN cohort.chronology.role IS 'The member''s part in it: suspect, offender or victim, where the kind has one.';
COMMENT ON COLUMN cohort.chronology.evidence_id IS 'The evidence; the hub''s team can trace it to a delivered row.';

GRANT SELECT, INSERT, UPDATE, DELETE ON publication.reader_feed, publication.blocked_feed, publication.agency,
    publication.agency_of_kind, publication.service_contact, publication.escalation, publication.escalation_model
    TO wf_pipeline, wf_evaluator;
GRANT SELECT ON publication.open_feed, publication.all_open TO wf_pipeline, wf_evaluator;
GRANT SELECT ON cohort.escalation, cohort.service_contact, cohort.escalation_model, cohort.chronology
    TO wf_pipeline, wf_analyst;
-- Caseworkers get their own families' rows when the database knows whose those are; until then nothing.
