"""The JSON documents that --json prints, stable by contract."""
