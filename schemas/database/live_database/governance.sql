-- Governance: signed checkpoints, purposes and access.
SELECT 1;
