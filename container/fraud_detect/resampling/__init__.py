"""Samplers by name: which real rows of the training part are kept, and which frauds are made.

Knows imbalanced-learn, features and labels of the training part. Never knows models, splits, files.
"""
