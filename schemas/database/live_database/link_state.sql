-- What linking learnt last: its fit, its pairs and a print of every record.
SELECT 1;
