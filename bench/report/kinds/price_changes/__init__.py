"""The report of `bench.upgrade --prices`."""
