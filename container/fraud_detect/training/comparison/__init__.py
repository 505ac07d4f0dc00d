"""Many configurations on the same folds: what is run, where, what it came to, and which differences mean something.

Knows cross-validation, processes, the files of a comparison. Never knows /opt/ml, the environment, the terminal.
"""
