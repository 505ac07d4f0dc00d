"""The console's JSON API described in OpenAPI: each part of the console says what its own paths are.

Knows OpenAPI's form and the parts. Never knows what they do.
"""
