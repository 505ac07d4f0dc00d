"""Media types and the bytes of request and answer.

Knows the schema's cell grammar. Never knows Flask, the model.
"""
