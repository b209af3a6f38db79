-- Whether the programme works, what it gives back, and families found beside estimates: aggregates, never a family.
-- What would tell of fewer than ten families is hidden before it is written here: no exact count is kept.

CREATE TABLE publication.programme_evaluation (
    name               text PRIMARY KEY,
    groups_from        text NOT NULL CHECK (groups_from IN ('cohort', 'assignment', 'simulation')),
    made_up            boolean NOT NULL,
    planted            double precision CHECK ((planted IS NOT NULL) = made_up),
    design             text NOT NULL CHECK (design IN ('assigned', 'matched')),
    method             text NOT NULL,
    families_new_model bigint NOT NULL CHECK (families_new_model >= 10 AND families_new_model % 5 = 0),
    families_usual     bigint NOT NULL CHECK (families_usual >= 10 AND families_usual % 5 = 0),
    first_start        date NOT NULL,
    last_start         date NOT NULL,
    months             integer NOT NULL CHECK (months > 0),
    level              double precision NOT NULL CHECK (level > 0 AND level < 1),
    largest_difference double precision,
    balanced_below     double precision NOT NULL,
    verdict            text NOT NULL,
    as_at              date NOT NULL,
    run_id             bigint NOT NULL,
    made_at            timestamptz NOT NULL DEFAULT now(),
    CHECK (made_up = (groups_from = 'simulation'))
);
CREATE VIEW cohort.programme_evaluation WITH (security_barrier) AS
SELECT name, groups_from, made_up, planted, design, method, families_new_model, families_usual, first_start, last_start,
       months, level, largest_difference, balanced_below, verdict, as_at, run_id, made_at
FROM publication.programme_evaluation;
COMMENT ON VIEW cohort.programme_evaluation IS 'One row per evaluation of the programme, by name: who was compared, how, and what was said.';
COMMENT ON COLUMN cohort.programme_evaluation.name IS 'Name given to the evaluation; making it again replaces it.';
COMMENT ON COLUMN cohort.programme_evaluation.groups_from IS 'Where the groups come from: the cohort''s life (cases in the programme), an assignment file, or a simulation.';
COMMENT ON COLUMN cohort.programme_evaluation.made_up IS 'True for a simulation: families drawn here, with an effect planted. Never a finding about a programme.';
COMMENT ON COLUMN cohort.programme_evaluation.planted IS 'Of a simulation, the share of facts that was taken out; empty for a real evaluation.';
COMMENT ON COLUMN cohort.programme_evaluation.design IS 'assigned: both groups were given; matched: the comparison was found among families alike before.';
COMMENT ON COLUMN cohort.programme_evaluation.method IS 'How the effect and its interval were worked out.';
COMMENT ON COLUMN cohort.programme_evaluation.families_new_model IS 'Families of the new delivery model that are compared, rounded to 5.';
COMMENT ON COLUMN cohort.programme_evaluation.families_usual IS 'Families compared with, rounded to 5.';
COMMENT ON COLUMN cohort.programme_evaluation.first_start IS 'First start in the new model.';
COMMENT ON COLUMN cohort.programme_evaluation.last_start IS 'Last start in the new model.';
COMMENT ON COLUMN cohort.programme_evaluation.months IS 'Months before the start and after it that are compared.';
COMMENT ON COLUMN cohort.programme_evaluation.level IS 'Confidence level of every interval, 0.95 for 95 %.';
COMMENT ON COLUMN cohort.programme_evaluation.largest_difference IS 'Largest standardised difference between the groups before the start, over what they are held alike by.';
COMMENT ON COLUMN cohort.programme_evaluation.balanced_below IS 'Difference up to which groups count as alike.';
COMMENT ON COLUMN cohort.programme_evaluation.verdict IS 'Of the primary outcome: fewer, more, no effect shown, or cannot tell.';
COMMENT ON COLUMN cohort.programme_evaluation.as_at IS 'The date up to which evidence is used.';
COMMENT ON COLUMN cohort.programme_evaluation.run_id IS 'The published run whose families these are.';
COMMENT ON COLUMN cohort.programme_evaluation.made_at IS 'When it was made.';

CREATE TABLE publication.programme_left_out (
    name     text NOT NULL REFERENCES publication.programme_evaluation ON DELETE CASCADE,
    arm      text NOT NULL,
    reason   text NOT NULL,
    families bigint CHECK (families % 5 = 0),
    PRIMARY KEY (name, arm, reason)
);
CREATE VIEW cohort.programme_left_out WITH (security_barrier) AS
SELECT name, arm, reason, families FROM publication.programme_left_out;
COMMENT ON VIEW cohort.programme_left_out IS 'One row per evaluation, group and reason: families that could not be compared.';
COMMENT ON COLUMN cohort.programme_left_out.name IS 'The evaluation.';
COMMENT ON COLUMN cohort.programme_left_out.arm IS 'new_model or business_as_usual.';
COMMENT ON COLUMN cohort.programme_left_out.reason IS 'Why they were left out.';
COMMENT ON COLUMN cohort.programme_left_out.families IS 'How many, rounded to 5; empty where it is 1 to 9.';

CREATE TABLE publication.programme_effect (
    name                text NOT NULL REFERENCES publication.programme_evaluation ON DELETE CASCADE,
    place               integer NOT NULL,
    measure             text NOT NULL,
    title               text NOT NULL,
    unit                text NOT NULL,
    is_primary          boolean NOT NULL,
    families_new_model  bigint,
    families_usual      bigint,
    new_before          double precision,
    new_after           double precision,
    new_change          double precision,
    new_change_low      double precision,
    new_change_high     double precision,
    usual_before        double precision,
    usual_after         double precision,
    usual_change        double precision,
    usual_change_low    double precision,
    usual_change_high   double precision,
    effect              double precision,
    effect_low          double precision,
    effect_high         double precision,
    relative            double precision,
    relative_low        double precision,
    relative_high       double precision,
    p_value             double precision,
    p_adjusted          double precision,
    smallest_to_be_seen double precision,
    already_parting     double precision,
    verdict             text NOT NULL,
    PRIMARY KEY (name, measure)
);
CREATE VIEW cohort.programme_effect WITH (security_barrier) AS
SELECT name, place, measure, title, unit, is_primary, families_new_model, families_usual, new_before, new_after, new_change,
       new_change_low, new_change_high, usual_before, usual_after, usual_change, usual_change_low, usual_change_high, effect,
       effect_low, effect_high, relative, relative_low, relative_high, p_value, p_adjusted, smallest_to_be_seen,
       already_parting, verdict
FROM publication.programme_effect;
COMMENT ON VIEW cohort.programme_effect IS 'One row per evaluation and outcome or issue: both groups before and after, and what the new model changed. Averages of a family; hidden where fewer than 10 families are behind one of them.';
COMMENT ON COLUMN cohort.programme_effect.name IS 'The evaluation.';
COMMENT ON COLUMN cohort.programme_effect.place IS 'Order of the outcomes, then the issues, as declared.';
COMMENT ON COLUMN cohort.programme_effect.measure IS 'Outcome (a number or years a family) or issue (a share of families).';
COMMENT ON COLUMN cohort.programme_effect.title IS 'What it is, in words.';
COMMENT ON COLUMN cohort.programme_effect.unit IS 'Unit of the averages and the effect.';
COMMENT ON COLUMN cohort.programme_effect.is_primary IS 'Whether the verdict on the programme rests on it.';
COMMENT ON COLUMN cohort.programme_effect.families_new_model IS 'Families of the new model observed, rounded to 5.';
COMMENT ON COLUMN cohort.programme_effect.families_usual IS 'Families compared with, observed, rounded to 5.';
COMMENT ON COLUMN cohort.programme_effect.new_before IS 'New model, before.';
COMMENT ON COLUMN cohort.programme_effect.new_after IS 'New model, after.';
COMMENT ON COLUMN cohort.programme_effect.new_change IS 'New model, after less before: says nothing of cause.';
COMMENT ON COLUMN cohort.programme_effect.new_change_low IS 'Lower end of its interval.';
COMMENT ON COLUMN cohort.programme_effect.new_change_high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.programme_effect.usual_before IS 'Comparison, before.';
COMMENT ON COLUMN cohort.programme_effect.usual_after IS 'Comparison, after.';
COMMENT ON COLUMN cohort.programme_effect.usual_change IS 'Comparison, after less before.';
COMMENT ON COLUMN cohort.programme_effect.usual_change_low IS 'Lower end of its interval.';
COMMENT ON COLUMN cohort.programme_effect.usual_change_high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.programme_effect.effect IS 'What the new model changed beside what would have happened; negative is fewer.';
COMMENT ON COLUMN cohort.programme_effect.effect_low IS 'Lower end of its interval.';
COMMENT ON COLUMN cohort.programme_effect.effect_high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.programme_effect.relative IS 'The effect as a share of what would have happened.';
COMMENT ON COLUMN cohort.programme_effect.relative_low IS 'Lower end of its interval.';
COMMENT ON COLUMN cohort.programme_effect.relative_high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.programme_effect.p_value IS 'Chance of so large a difference, were there no effect.';
COMMENT ON COLUMN cohort.programme_effect.p_adjusted IS 'The same after Holm''s correction over the outcomes that are not primary.';
COMMENT ON COLUMN cohort.programme_effect.smallest_to_be_seen IS 'Effect that would have been found eight times in ten: a smaller one may be there.';
COMMENT ON COLUMN cohort.programme_effect.already_parting IS 'P of the same comparison before the start; small means the groups were not alike. Assigned groups only.';
COMMENT ON COLUMN cohort.programme_effect.verdict IS 'fewer, more, no effect shown, cannot tell, or hidden.';

CREATE TABLE publication.programme_issue (
    name            text NOT NULL REFERENCES publication.programme_evaluation ON DELETE CASCADE,
    place           integer NOT NULL,
    issue           text NOT NULL,
    title           text NOT NULL,
    arm             text NOT NULL,
    families        bigint CHECK (families % 5 = 0),
    share_on_entry  double precision,
    share_on_exit   double precision,
    published_entry double precision,
    published_exit  double precision,
    PRIMARY KEY (name, issue, arm)
);
CREATE VIEW cohort.programme_issue WITH (security_barrier) AS
SELECT name, place, issue, title, arm, families, share_on_entry, share_on_exit, published_entry, published_exit
FROM publication.programme_issue;
COMMENT ON VIEW cohort.programme_issue IS 'One row per evaluation, issue and group: share of families with the issue on entry and exit; empty where fewer than 10 families have it or have it not.';
COMMENT ON COLUMN cohort.programme_issue.name IS 'The evaluation.';
COMMENT ON COLUMN cohort.programme_issue.place IS 'Order of the issues, as declared.';
COMMENT ON COLUMN cohort.programme_issue.issue IS 'The issue.';
COMMENT ON COLUMN cohort.programme_issue.title IS 'The issue in words.';
COMMENT ON COLUMN cohort.programme_issue.arm IS 'new_model or business_as_usual.';
COMMENT ON COLUMN cohort.programme_issue.families IS 'Families observed, rounded to 5; nought where no partner sends what would tell.';
COMMENT ON COLUMN cohort.programme_issue.share_on_entry IS 'Share with the issue in the months before the start.';
COMMENT ON COLUMN cohort.programme_issue.share_on_exit IS 'Share in the months after it.';
COMMENT ON COLUMN cohort.programme_issue.published_entry IS 'Share published of family intervention projects in England, on entry.';
COMMENT ON COLUMN cohort.programme_issue.published_exit IS 'The same on exit.';

CREATE TABLE publication.programme_balance (
    name              text NOT NULL REFERENCES publication.programme_evaluation ON DELETE CASCADE,
    covariate         text NOT NULL,
    difference_before double precision,
    difference_after  double precision,
    PRIMARY KEY (name, covariate)
);
CREATE VIEW cohort.programme_balance WITH (security_barrier) AS
SELECT name, covariate, difference_before, difference_after FROM publication.programme_balance;
COMMENT ON VIEW cohort.programme_balance IS 'One row per evaluation and covariate: how alike the groups were before the start, as they came and after matching.';
COMMENT ON COLUMN cohort.programme_balance.name IS 'The evaluation.';
COMMENT ON COLUMN cohort.programme_balance.covariate IS 'What families are held alike by.';
COMMENT ON COLUMN cohort.programme_balance.difference_before IS 'Standardised mean difference: new model less the families it is compared with, in standard deviations, as the groups came.';
COMMENT ON COLUMN cohort.programme_balance.difference_after IS 'The same after matching; empty where groups were assigned.';

CREATE TABLE publication.programme_return (
    name           text NOT NULL REFERENCES publication.programme_evaluation ON DELETE CASCADE,
    money          text NOT NULL CHECK (money IN ('fiscal', 'economic', 'cashable')),
    arm            text NOT NULL,
    families       bigint NOT NULL CHECK (families % 5 = 0),
    before         double precision,
    after          double precision,
    avoided        double precision,
    avoided_low    double precision,
    avoided_high   double precision,
    programme      double precision,
    per_pound      double precision,
    per_pound_low  double precision,
    per_pound_high double precision,
    prices         text NOT NULL,
    PRIMARY KEY (name, money, arm)
);
CREATE VIEW cohort.programme_return WITH (security_barrier) AS
SELECT name, money, arm, families, before, after, avoided, avoided_low, avoided_high, programme, per_pound, per_pound_low,
       per_pound_high, prices
FROM publication.programme_return;
COMMENT ON VIEW cohort.programme_return IS 'One row per evaluation, kind of money and group: pounds a family avoided and returned per pound. Kinds of money are never added up.';
COMMENT ON COLUMN cohort.programme_return.name IS 'The evaluation.';
COMMENT ON COLUMN cohort.programme_return.money IS 'fiscal, economic or cashable.';
COMMENT ON COLUMN cohort.programme_return.arm IS 'A group''s own before less after, of which part would have happened anyway; or new_model_beside_business_as_usual, which is what would not.';
COMMENT ON COLUMN cohort.programme_return.families IS 'Families observed, rounded to 5.';
COMMENT ON COLUMN cohort.programme_return.before IS 'Pounds a family in the year before the start.';
COMMENT ON COLUMN cohort.programme_return.after IS 'Pounds a family in the year after it.';
COMMENT ON COLUMN cohort.programme_return.avoided IS 'Pounds a family avoided.';
COMMENT ON COLUMN cohort.programme_return.avoided_low IS 'Lower end of its interval.';
COMMENT ON COLUMN cohort.programme_return.avoided_high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.programme_return.programme IS 'What the programme costs, in pounds a family; for the last arm, what the new model costs more.';
COMMENT ON COLUMN cohort.programme_return.per_pound IS 'Pounds avoided per pound put in; empty where it costs no more, or no costs were given.';
COMMENT ON COLUMN cohort.programme_return.per_pound_low IS 'Lower end of its interval, the programme''s cost taken as certain.';
COMMENT ON COLUMN cohort.programme_return.per_pound_high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.programme_return.prices IS 'Price year of the pounds avoided.';

CREATE TABLE publication.programme_share (
    name              text NOT NULL REFERENCES publication.programme_evaluation ON DELETE CASCADE,
    arm               text NOT NULL,
    agency            text NOT NULL,
    avoided_fiscal    double precision,
    avoided_cashable  double precision,
    pays_now          double precision,
    by_headcount      double precision,
    by_benefit        double precision,
    hybrid            double precision,
    left_by_headcount double precision,
    left_by_benefit   double precision,
    left_hybrid       double precision,
    PRIMARY KEY (name, arm, agency)
);
CREATE VIEW cohort.programme_share WITH (security_barrier) AS
SELECT name, arm, agency, avoided_fiscal, avoided_cashable, pays_now, by_headcount, by_benefit, hybrid, left_by_headcount,
       left_by_benefit, left_hybrid
FROM publication.programme_share;
COMMENT ON VIEW cohort.programme_share IS 'One row per evaluation, group and agency: pounds a family it is spared, and what it would pay under three ways to share the programme''s cost. Agencies that few families cost anything stand together as other agencies.';
COMMENT ON COLUMN cohort.programme_share.name IS 'The evaluation.';
COMMENT ON COLUMN cohort.programme_share.arm IS 'new_model, business_as_usual, or new_model_beside_business_as_usual.';
COMMENT ON COLUMN cohort.programme_share.agency IS 'The agency; all agencies for their sum.';
COMMENT ON COLUMN cohort.programme_share.avoided_fiscal IS 'Fiscal cost it is spared: before less after, and for the last arm, beside business as usual.';
COMMENT ON COLUMN cohort.programme_share.avoided_cashable IS 'The part of it that could be given back.';
COMMENT ON COLUMN cohort.programme_share.pays_now IS 'What it pays for the programme now.';
COMMENT ON COLUMN cohort.programme_share.by_headcount IS 'What it would pay by its staff in the programme.';
COMMENT ON COLUMN cohort.programme_share.by_benefit IS 'What it would pay by modelled gross benefit.';
COMMENT ON COLUMN cohort.programme_share.hybrid IS 'What it would pay under a mixture of the two.';
COMMENT ON COLUMN cohort.programme_share.left_by_headcount IS 'Spared less paid, by staff.';
COMMENT ON COLUMN cohort.programme_share.left_by_benefit IS 'Spared less paid, by benefit.';
COMMENT ON COLUMN cohort.programme_share.left_hybrid IS 'Spared less paid, under the mixture.';

CREATE TABLE publication.estimate (
    source        text NOT NULL,
    place         integer NOT NULL,
    district      text NOT NULL,
    area          text NOT NULL,
    low           double precision,
    high          double precision,
    found         bigint CHECK (found >= 0 AND found % 5 = 0),
    share_of_low  double precision,
    share_of_high double precision,
    beside        text NOT NULL,
    pack          text NOT NULL,
    as_at         date NOT NULL,
    run_id        bigint NOT NULL,
    PRIMARY KEY (source, district, area)
);
CREATE VIEW cohort.estimate WITH (security_barrier) AS
SELECT source, place, district, area, low, high, found, share_of_low, share_of_high, beside, pack, as_at, run_id
FROM publication.estimate;
COMMENT ON VIEW cohort.estimate IS 'One row per source, district and area: families found, as published, beside an indicative estimate. Neither corrects the other.';
COMMENT ON COLUMN cohort.estimate.source IS 'The file the estimate is from; giving it again replaces it.';
COMMENT ON COLUMN cohort.estimate.place IS 'Order of the rows: districts with their areas, then areas of no district, then the whole place.';
COMMENT ON COLUMN cohort.estimate.district IS 'District, as the file groups areas; empty where it does not.';
COMMENT ON COLUMN cohort.estimate.area IS 'Area code; whole district for a district''s own row, all areas for the whole place.';
COMMENT ON COLUMN cohort.estimate.low IS 'Lower end of the estimate.';
COMMENT ON COLUMN cohort.estimate.high IS 'Upper end of it.';
COMMENT ON COLUMN cohort.estimate.found IS 'Families selected there, rounded to 5; empty where hidden.';
COMMENT ON COLUMN cohort.estimate.share_of_low IS 'Found over the lower end.';
COMMENT ON COLUMN cohort.estimate.share_of_high IS 'Found over the upper end.';
COMMENT ON COLUMN cohort.estimate.beside IS 'fewer than estimated, within, more than estimated, hidden, or no estimate.';
COMMENT ON COLUMN cohort.estimate.pack IS 'The criteria pack whose selection is counted.';
COMMENT ON COLUMN cohort.estimate.as_at IS 'The date counted.';
COMMENT ON COLUMN cohort.estimate.run_id IS 'The published run counted.';

-- Who may do what.
GRANT SELECT, INSERT, UPDATE, DELETE ON publication.programme_evaluation, publication.programme_left_out,
    publication.programme_effect, publication.programme_issue, publication.programme_balance, publication.programme_return,
    publication.programme_share, publication.estimate TO wf_pipeline, wf_evaluator;
GRANT SELECT ON cohort.programme_evaluation, cohort.programme_left_out, cohort.programme_effect, cohort.programme_issue,
    cohort.programme_balance, cohort.programme_return, cohort.programme_share, cohort.estimate TO wf_pipeline, wf_analyst;
