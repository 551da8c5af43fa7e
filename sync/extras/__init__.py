"""The smaller commands: suggestion pages and published reports."""
