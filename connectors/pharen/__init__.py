"""Pharen Hub: API client and wire models."""
