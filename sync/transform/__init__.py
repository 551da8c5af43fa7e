"""From plays to Discovr's keys, with ids and air dates."""
