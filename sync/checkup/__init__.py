"""``doctor``: checks everything that a run depends on, and names each remedy.

Nothing is written to a service; the most that happens is the renewal of a login.
"""

from __future__ import annotations
