"""The harness: plan, execute, measure, records, analyse, report. See docs/method.md."""
