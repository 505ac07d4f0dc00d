"""Score a case: a form, and the same for programs.

Knows the model's schema, its examples and the endpoint. Never knows cases, accounts.
"""
