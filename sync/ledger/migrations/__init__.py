"""The history of the tables, applied by alembic when a database is opened."""

from __future__ import annotations

#: The revision that this program works with: the newest below ``versions``.
HEAD = "0008"

#: A name of our own, so that another program's alembic can share the database.
VERSION_TABLE = "t2d_version"
