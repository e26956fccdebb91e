"""A loop whose framework is not installed."""

import a_framework_that_nobody_has_installed  # noqa: F401


def train(job, parts):
    raise AssertionError("never reached")
