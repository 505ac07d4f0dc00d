"""One page that says how a job went: figures, curves, features, reasons; one file, no network.

Knows labels, probabilities, features, the manifest and metrics of a finished job. Never knows how models are made,
/opt/ml, files.
"""
