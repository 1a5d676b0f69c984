"""The color network's training: ``python -m colorization.training --photos DIR --out DIR``."""
