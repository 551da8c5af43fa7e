"""trakt2discovr: carries a watch history from Trakt to Discovr, exactly and once."""
