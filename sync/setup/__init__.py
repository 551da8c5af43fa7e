"""Setting it all up: what has to be known, each answer tried, the config written."""
