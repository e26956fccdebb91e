"""The report of `bench.compare`."""
