"""Why a row scored as it did: contributions of the features, and what the model's makers call them.

Knows the schema, reason codes, native models, explanation graphs. Never knows families, HTTP, thresholds.
"""
