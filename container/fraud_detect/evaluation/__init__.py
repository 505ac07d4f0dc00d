"""Splits, metrics, calibration, thresholds.

Knows scores, labels, and rows only as hashes and times. Never knows which family made the scores.
"""
