import numpy as np
import torch

from colorization.training import photometry
from imaging.lab import srgb_to_lab


def test_lightness_and_chroma_are_those_of_the_ground_floor():
    rgb = np.random.default_rng(0).integers(0, 256, (1, 3, 20, 20), dtype=np.uint8)
    linear = photometry.linear_light(torch.from_numpy(rgb))
    lab = srgb_to_lab((rgb[0].transpose(1, 2, 0) / 255).astype(np.float32))
    light = photometry.lightness(photometry.luminance(linear))[0, 0].numpy()
    chroma = photometry.chroma(linear)[0].permute(1, 2, 0).numpy()
    assert np.abs(light - lab[..., 0]).max() < 0.1
    assert np.abs(chroma - lab[..., 1:]).max() < 0.1


def test_srgb_returns_what_lightness_and_chroma_were_taken_from():
    rgb = np.random.default_rng(1).integers(0, 256, (1, 3, 20, 20), dtype=np.uint8)
    linear = photometry.linear_light(torch.from_numpy(rgb))
    back = photometry.srgb(photometry.lightness(photometry.luminance(linear)), photometry.chroma(linear))
    assert np.abs(back.numpy() * 255 - rgb).max() < 0.5
