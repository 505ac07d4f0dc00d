"""The training report in the console, and what the model does today beside what training expected.

Knows the report's files, the manifest, the cases' scores. Never knows features of cases, the endpoint.
"""
