"""The hub's one store: the embedded or given PostgreSQL, its migrations, roles, locks, and Arrow in and out.

No rule of ingest, linking or criteria belongs here; nothing here knows what a row means.
"""
