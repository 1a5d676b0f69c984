"""`heliochrome demo`: real photographs through the whole workflow, and a sheet to look at."""
