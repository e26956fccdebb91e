"""Ranks on several nodes: the one that measures leads, and the others start what it asks for."""
