"""Typed async API clients for Trakt, Discovr and TMDB, each usable on its own.

Nothing in here knows of the pipeline: ``connectors`` never imports ``sync``.
"""
