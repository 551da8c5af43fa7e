"""Changes the program in one place at a time, and asks whether a test notices."""
