"""From a restored photograph to color, with its doubt and its alternatives."""
