-- What analysts read. Barrier views: a function in a reader's query never sees a row that the view does not show.

CREATE SCHEMA cohort;
COMMENT ON SCHEMA cohort IS 'The linked cohort, for analysts: families, members, criteria and why, as of the last published run. A flag is a proposal for a person to review, never a decision.';

CREATE VIEW cohort.family WITH (security_barrier) AS
SELECT family_id, kind, area, adults, children, to_review, as_at, run_id
FROM publication.family;
COMMENT ON VIEW cohort.family IS 'One row per family, as of the last published run.';
COMMENT ON COLUMN cohort.family.family_id IS 'Stable id of the family; cohort.family_ledger tells of merges and splits.';
COMMENT ON COLUMN cohort.family.kind IS 'with_children: at least one dependent child; adult_only: an adult household.';
COMMENT ON COLUMN cohort.family.area IS 'Area code of the family''s home; empty when no partner gave one.';
COMMENT ON COLUMN cohort.family.adults IS 'Number of adults who belong to the family on as_at.';
COMMENT ON COLUMN cohort.family.children IS 'Number of children who belong to the family on as_at.';
COMMENT ON COLUMN cohort.family.to_review IS 'True when doubtful evidence shaped the family: a person should look first.';
COMMENT ON COLUMN cohort.family.as_at IS 'The date this row speaks of.';
COMMENT ON COLUMN cohort.family.run_id IS 'The run that published it.';

CREATE VIEW cohort.family_member WITH (security_barrier) AS
SELECT family_id, person_id, role, start_date, end_date, reason, confidence, birth_month, sex
FROM publication.family_member;
COMMENT ON VIEW cohort.family_member IS 'One row per family, person and period of belonging to it.';
COMMENT ON COLUMN cohort.family_member.family_id IS 'The family.';
COMMENT ON COLUMN cohort.family_member.person_id IS 'Stable id of the person; a person has the same id across partners.';
COMMENT ON COLUMN cohort.family_member.role IS 'adult, child, non_resident_parent or associated.';
COMMENT ON COLUMN cohort.family_member.start_date IS 'First day of the period; empty when not known.';
COMMENT ON COLUMN cohort.family_member.end_date IS 'Last day of the period; empty while it lasts.';
COMMENT ON COLUMN cohort.family_member.reason IS 'What puts the person in the family.';
COMMENT ON COLUMN cohort.family_member.confidence IS 'How sure, from 0 to 1.';
COMMENT ON COLUMN cohort.family_member.birth_month IS 'Month of birth, as its first day; the day of birth is not held.';
COMMENT ON COLUMN cohort.family_member.sex IS 'F or M as the partners recorded it; empty when not known.';

CREATE VIEW cohort.criterion_result WITH (security_barrier) AS
SELECT family_id, pack, pack_version, criterion, title, state, reason, contains_dwp, as_at, run_id
FROM publication.criterion_result;
COMMENT ON VIEW cohort.criterion_result IS 'One row per family and criterion: met, not met, or unknown.';
COMMENT ON COLUMN cohort.criterion_result.family_id IS 'The family.';
COMMENT ON COLUMN cohort.criterion_result.pack IS 'The criteria pack: a programme''s rules.';
COMMENT ON COLUMN cohort.criterion_result.pack_version IS 'Version of the pack.';
COMMENT ON COLUMN cohort.criterion_result.criterion IS 'The criterion''s short name.';
COMMENT ON COLUMN cohort.criterion_result.title IS 'The criterion''s title.';
COMMENT ON COLUMN cohort.criterion_result.state IS 'met, not_met, or unknown (no feed, a stale feed, or a member not covered).';
COMMENT ON COLUMN cohort.criterion_result.reason IS 'Why it is in this state.';
COMMENT ON COLUMN cohort.criterion_result.contains_dwp IS 'True when the result rests on DWP data: onward disclosure is restricted by law (Welfare Reform Act 2012).';
COMMENT ON COLUMN cohort.criterion_result.as_at IS 'The date for which it was evaluated.';
COMMENT ON COLUMN cohort.criterion_result.run_id IS 'The run that published it.';

CREATE VIEW cohort.criterion_evidence WITH (security_barrier) AS
SELECT family_id, pack, criterion, evidence_id, partner, kind, start_date, end_date
FROM publication.criterion_evidence;
COMMENT ON VIEW cohort.criterion_evidence IS 'One row per family, criterion and piece of evidence that decides it.';
COMMENT ON COLUMN cohort.criterion_evidence.family_id IS 'The family.';
COMMENT ON COLUMN cohort.criterion_evidence.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.criterion_evidence.criterion IS 'The criterion.';
COMMENT ON COLUMN cohort.criterion_evidence.evidence_id IS 'The evidence; the hub''s team can trace it to a delivered row.';
COMMENT ON COLUMN cohort.criterion_evidence.partner IS 'The partner it came from.';
COMMENT ON COLUMN cohort.criterion_evidence.kind IS 'Kind of evidence, as in the evidence vocabulary.';
COMMENT ON COLUMN cohort.criterion_evidence.start_date IS 'The day of the fact, or the first day of its period.';
COMMENT ON COLUMN cohort.criterion_evidence.end_date IS 'Last day of its period; empty while it lasts, or for a fact of one day.';

CREATE VIEW cohort.cohort WITH (security_barrier) AS
SELECT pack, family_id, cohort_start_date, cohort_end_date
FROM publication.cohort;
COMMENT ON VIEW cohort.cohort IS 'One row per pack, family and period in the cohort (periods as in OMOP cohorts).';
COMMENT ON COLUMN cohort.cohort.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.cohort.family_id IS 'The family.';
COMMENT ON COLUMN cohort.cohort.cohort_start_date IS 'First day the family meets the pack''s selection rule.';
COMMENT ON COLUMN cohort.cohort.cohort_end_date IS 'Last day it meets it; empty while it does.';

CREATE VIEW cohort.family_history WITH (security_barrier) AS
SELECT family_id, pack, selected, criteria_met, valid_from, valid_to
FROM publication.family_history;
COMMENT ON VIEW cohort.family_history IS 'One row per family, pack and period in which we said the same about it.';
COMMENT ON COLUMN cohort.family_history.family_id IS 'The family.';
COMMENT ON COLUMN cohort.family_history.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.family_history.selected IS 'Whether the family met the selection rule.';
COMMENT ON COLUMN cohort.family_history.criteria_met IS 'How many criteria it met.';
COMMENT ON COLUMN cohort.family_history.valid_from IS 'When we began to say so.';
COMMENT ON COLUMN cohort.family_history.valid_to IS 'When we stopped saying so; empty while we do.';

CREATE VIEW cohort.family_ledger WITH (security_barrier) AS
SELECT run_id, old_id, new_id, change
FROM publication.family_ledger;
COMMENT ON VIEW cohort.family_ledger IS 'One row per change of a stable family id.';
COMMENT ON COLUMN cohort.family_ledger.run_id IS 'The run in which it changed.';
COMMENT ON COLUMN cohort.family_ledger.old_id IS 'The id before; empty for a new family.';
COMMENT ON COLUMN cohort.family_ledger.new_id IS 'The id after; empty for a retired one.';
COMMENT ON COLUMN cohort.family_ledger.change IS 'merge, split, new or retired.';

CREATE VIEW cohort.attrition WITH (security_barrier) AS
SELECT run_id, step, description, count
FROM publication.attrition;
COMMENT ON VIEW cohort.attrition IS 'One row per run and step on the way from delivered rows to selected families.';
COMMENT ON COLUMN cohort.attrition.run_id IS 'The run.';
COMMENT ON COLUMN cohort.attrition.step IS 'Place of the step, from 1.';
COMMENT ON COLUMN cohort.attrition.description IS 'What remains after the step.';
COMMENT ON COLUMN cohort.attrition.count IS 'How many remain.';

CREATE VIEW cohort.summary WITH (security_barrier) AS
SELECT as_at, area, pack, criterion, families
FROM publication.summary;
COMMENT ON VIEW cohort.summary IS 'One row per date, area, pack and criterion: counts safe to share. Counts of 1 to 9, and those that would give them away, are empty; others are rounded to 5.';
COMMENT ON COLUMN cohort.summary.as_at IS 'The date counted.';
COMMENT ON COLUMN cohort.summary.area IS 'Area code; ''all areas'' for the whole place; ''not known'' where no partner gave one.';
COMMENT ON COLUMN cohort.summary.pack IS 'The criteria pack.';
COMMENT ON COLUMN cohort.summary.criterion IS 'The criterion; selected for families that meet the selection rule.';
COMMENT ON COLUMN cohort.summary.families IS 'Number of families, rounded to 5; empty where it is 1 to 9, or would give such a count away.';
