"""Alembic's entry: runs the migrations on the connection that `pipeline.store.migrate` hands over.

The transaction and the advisory lock belong to the caller, so that a migration is made whole or not at all.
"""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table="schema_version",
    version_table_schema="registry",
)
context.run_migrations()
