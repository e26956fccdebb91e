"""The report of `bench.bisect`."""
