"""From a scan to a restored photograph and a mask of what was mended."""
