"""How the networks of restoration are trained; nothing here runs in production."""
