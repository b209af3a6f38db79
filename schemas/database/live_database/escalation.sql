-- Escalation: contacts by month, alerts, and estimates by district.
SELECT 1;
