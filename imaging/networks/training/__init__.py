"""What the trainings of all networks share; nothing here runs in production."""
