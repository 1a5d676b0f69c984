"""The web application: what the public reads, and where archivists review."""
