"""Simulated card transactions with known frauds, one day at a time.

A re-implementation of the process described in the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot,
Bontempi, https://fraud-detection-handbook.github.io), chapter 3.

Knows numpy, and DuckDB to write files. Never knows features, models, the command line.
"""
