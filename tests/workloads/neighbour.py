"""What lies beside a workload's file, and is imported by it."""

RATE = 1e-2
