"""The report of `bench.upgrade`."""
