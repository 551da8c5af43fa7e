"""The same account read by others, each in an environment of its own.

Imports nothing but the rival, so that a module runs where nothing else is installed.
"""

from __future__ import annotations
