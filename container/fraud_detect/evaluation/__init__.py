"""Splits, metrics, calibration, thresholds.

Knows scores, labels, amounts, and rows only as hashes, cards and times. Never knows which family made the scores.
"""
