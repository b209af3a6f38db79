-- Does the programme work: comparison groups, effects, benefits and costs.
SELECT 1;
