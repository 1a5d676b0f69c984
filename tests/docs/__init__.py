"""The guide's commands run, its links lead somewhere, its reference is what the code says."""
