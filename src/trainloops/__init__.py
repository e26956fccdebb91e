"""What is measured: workloads, and one training loop per file. Knows nothing of the harness."""
