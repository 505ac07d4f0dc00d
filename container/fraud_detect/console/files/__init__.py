"""Files of rows: uploaded, scored in the background, shown by score, downloaded.

Knows CSV, the endpoint, the console's folder. Never knows the model's files, cases.
"""
