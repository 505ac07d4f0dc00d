"""SageMaker's training contract: paths, configuration files, failure file, exit codes, signals.

Knows /opt/ml by its root. Never knows models, HTTP.
"""
