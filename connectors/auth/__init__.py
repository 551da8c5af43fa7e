"""Where logins are kept, and the wait for a device code."""
