"""One module a revision; none is changed once it was released."""

from __future__ import annotations
