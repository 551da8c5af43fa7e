"""What every stand-in is made of: the server, faults, limits, a journal."""
