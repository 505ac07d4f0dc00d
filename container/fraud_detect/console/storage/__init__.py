"""What the console keeps: tables, their migrations, and the database that holds them.

Knows SQLAlchemy. Never knows Flask, requests, models.
"""
