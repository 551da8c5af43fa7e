"""What the rehearsed account has watched, and the catalogue it is made of."""
