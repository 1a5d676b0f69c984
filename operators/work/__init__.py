"""What the operators do with one photograph; loads libvips, OpenCV and PyTorch, so only tasks import it."""
