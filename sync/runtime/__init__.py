"""Helpers that know no step of a run: concurrency, stopping, logs, values."""
