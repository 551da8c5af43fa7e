"""The job that stays: turns on a schedule, its health, and who is told of it."""
