"""From tables to a trained model and its evaluation.

Knows estimators, resampling, evaluation, tables. Never knows /opt/ml, exit codes, the environment.
"""
