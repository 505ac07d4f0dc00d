"""Runs migrations on the connection that `Database.migrate` gives."""

from alembic import context

from fraud_detect.console.storage.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
