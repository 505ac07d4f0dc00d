"""Verified calls: the bank proves itself to the customer, the customer to the bank, each by a code of this one call.

Knows one-time codes, the tables of calls and of customers' secrets. Never knows models, scores, the mail.
"""
