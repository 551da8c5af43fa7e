"""How plans and reports look to a person: plain words, no meaning by colour alone."""
