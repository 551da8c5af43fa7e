"""Discovr: API client, sign-in and wire models."""
