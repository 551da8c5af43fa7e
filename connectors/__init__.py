"""Typed async API clients for Trakt, Discovr and TMDB, each usable on its own.

Nothing in here knows of the pipeline: ``connectors`` never imports ``sync``.
"""

#: Who asks whether this is ours: other packages are called ``connectors`` too.
from __future__ import annotations

PROJECT = "trakt2discovr"
