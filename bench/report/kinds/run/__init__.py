"""The report of `bench.run`."""
