"""A real Chromium for the stories, as the tests of the report have it."""

from __future__ import annotations

from tests.report_suite.conftest import chromium

__all__ = ["chromium"]
