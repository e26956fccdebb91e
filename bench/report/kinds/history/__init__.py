"""The report of `bench.history`."""
