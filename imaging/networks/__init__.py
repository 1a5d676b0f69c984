"""Neural networks: their layers, where they run, what their weights are and how these are loaded."""
