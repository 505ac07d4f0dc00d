"""Features of a transaction from the transactions before it.

Declared once as data (`definitions`), written as SQL text (`sql`), run by an engine (`duckdb_engine`).

Knows transactions. Never knows models, schemas of models, SageMaker.
"""
