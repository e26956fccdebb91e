"""Environments to compare: what is asked for, built as overlays over the current one and kept."""
