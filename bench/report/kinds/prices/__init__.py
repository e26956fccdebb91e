"""The report of `bench.prices`."""
