"""What several pages say in the same words.

Knows nothing else.
"""

NO_ANSWER = "The model's endpoint gives no score. Try again in a minute; if that does not help, tell whoever runs it."
"""Where it is and what it said is in the log, for those who can mend it."""
