"""Composition roots: the executables and commands.

Knows every room, the environment, the terminal. The only readers of the environment.
"""
