-- Roles, purposes and row-level security.

