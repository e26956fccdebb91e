"""The reports of `bench.doctor`: findings and calibrations."""
