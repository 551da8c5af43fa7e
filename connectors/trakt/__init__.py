"""Trakt: API client, sign-in, wire models and account downloads."""
