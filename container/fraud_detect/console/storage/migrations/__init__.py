"""Migrations, which Alembic runs."""
