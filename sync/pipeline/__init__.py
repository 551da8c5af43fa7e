"""The run: prepare, ask, load, verify."""
