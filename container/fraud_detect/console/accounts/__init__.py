"""Accounts: passwords, log-ins, roles, second factors, tokens of programs.

Knows the tables of accounts. Never knows cases, models.
"""
