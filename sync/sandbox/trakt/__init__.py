"""A stand-in for Trakt."""
