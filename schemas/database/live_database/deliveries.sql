-- Deliveries: deltas, corrections, withdrawals and the quarantine's way back.
SELECT 1;
