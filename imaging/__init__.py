"""The ground floor: untrusted scans, color spaces, tile streams, pyramids and fixity."""
