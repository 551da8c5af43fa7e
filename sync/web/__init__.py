"""The page to run it all from: steps over library calls, served on loopback."""
