"""From a request's bytes to an answer's, and the processes around it.

Knows artifacts, codecs, HTTP. Never knows training, pandas, scikit-learn, boosting libraries.
"""
