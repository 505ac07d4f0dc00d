"""Families of models, one file each, and their registry.

Knows how a family is fitted and exported. Never knows files, thresholds, resampling, other families.
"""
