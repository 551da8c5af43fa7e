"""The only place where settings meet clients."""
