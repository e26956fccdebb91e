"""The report of several runs beside each other: `python -m bench.report --together`."""
