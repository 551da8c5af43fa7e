"""TMDB: ids and air dates."""
