"""From a labelled table of transactions to a fraud model and an endpoint."""

__version__ = "0.1.0"
