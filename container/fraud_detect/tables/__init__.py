"""Channels of CSV or Parquet files, or a pipe, become one table of float32.

Knows DuckDB, pandas, the schema. Never knows SageMaker's configuration, models, splits.
"""
