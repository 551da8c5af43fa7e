"""A stand-in for Discovr."""
