-- Deliveries: deltas, corrections, withdrawals and the quarantine's way back.

ALTER TABLE registry.delivery
    ADD COLUMN base_delivery_id text,
    ADD COLUMN superseded_by    text,
    ADD COLUMN withdrawn_at     timestamptz,
    ADD COLUMN withdrawn_by     text,
    ADD COLUMN withdrawn_why    text,
    DROP CONSTRAINT delivery_kind_check,
    DROP CONSTRAINT delivery_state_check,
    ADD CONSTRAINT delivery_kind_check CHECK (kind IN ('full', 'delta', 'withdrawal')),
    ADD CONSTRAINT delivery_state_check CHECK (state IN ('received', 'opened', 'accepted', 'accepted_with_quarantine',
        'rejected', 'superseded', 'withdrawn', 'carried_out')),
    ADD CONSTRAINT withdrawal_says_who_and_why
        CHECK (state <> 'withdrawn' OR (withdrawn_at IS NOT NULL AND withdrawn_by IS NOT NULL AND withdrawn_why IS NOT NULL));
COMMENT ON COLUMN registry.delivery.kind IS 'full: replaces all earlier rows of the partner; delta: replaces the people in it; withdrawal: takes a delivery back.';
COMMENT ON COLUMN registry.delivery.state IS 'received (waits for another before it), opened, accepted, accepted_with_quarantine, rejected, superseded, withdrawn, or carried_out (a withdrawal).';
COMMENT ON COLUMN registry.delivery.base_delivery_id IS 'Of a delta: the delivery it builds on.';
COMMENT ON COLUMN registry.delivery.superseded_by IS 'The full delivery that replaced all of it.';
COMMENT ON COLUMN registry.delivery.withdrawn_at IS 'When it was withdrawn.';
COMMENT ON COLUMN registry.delivery.withdrawn_by IS 'Who withdrew it: a person at the hub, or the partner by a signed withdrawal.';
COMMENT ON COLUMN registry.delivery.withdrawn_why IS 'Why it was withdrawn.';

ALTER TABLE registry.quarantine ADD COLUMN cleared_by text, ADD COLUMN cleared_at timestamptz;
COMMENT ON COLUMN registry.quarantine.cleared_by IS 'The later delivery that sent the person''s rows again; empty while the row waits.';
COMMENT ON COLUMN registry.quarantine.cleared_at IS 'When that delivery was accepted.';

-- Whose a quarantined row is, under the partner's own key: so that a delta can clear it, and the partner find it.
CREATE TABLE identity.quarantined_row (
    delivery_id text NOT NULL REFERENCES registry.delivery,
    table_name  text NOT NULL,
    row_number  bigint NOT NULL,
    person_ref  bytea CHECK (octet_length(person_ref) = 16)
);
CREATE INDEX quarantined_row_delivery ON identity.quarantined_row (delivery_id, table_name, row_number);
COMMENT ON TABLE identity.quarantined_row IS 'One row per quarantined row: the partner''s reference of its person, under that partner''s own key; empty where the row names nobody.';
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.quarantined_row TO wf_pipeline;
