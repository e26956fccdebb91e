"""Processes that train: a fork server for each environment, interpreters with a framework, trials that take turns."""
