"""The web console: score a case or a file, the desk, verified calls, the report, accounts.

Knows the model through `/invocations` and its manifest, nothing else. Never knows training, serving, estimators, the
environment, /opt/ml: paths and settings come from the entrypoint.
"""
