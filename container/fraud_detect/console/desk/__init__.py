"""The desk: transactions come in, are scored and kept as cases, and analysts decide about them.

Knows the tables of cases, decisions and notes. Never knows training, what the model is made of.
"""
