"""Estimates, intervals and tests, of numbers alone."""
