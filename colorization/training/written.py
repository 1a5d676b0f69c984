"""What the files say that the whole stage writes for a photograph of known color."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from colorization.models import ColorModel
from colorization.options import ColorizationOptions
from colorization.pipeline import colorize
from imaging import lab
from imaging.networks.training.shards import Picture
from imaging.stage import Role

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Written:
    """What one photograph's files say, at its own size.

    Parameters
    ----------
    ab
        H×W×2, CIE a*b* of the colors shown.
    confidence
        H×W, 0–1.
    """

    ab: Array
    confidence: Array


def written(picture: Picture, model: ColorModel, options: ColorizationOptions | None = None) -> Written:
    """Color the grey of a true picture (H×W×3 RGB, 0–255) by the whole stage and read its files."""
    true = lab.srgb_to_lab(np.asarray(picture / 255, np.float32))
    grey = lab.lab_to_srgb(true * np.array([1, 0, 0], np.float32))[..., 0]
    with tempfile.TemporaryDirectory() as folder:
        scan, into = Path(folder, "scan.tif"), Path(folder, "out")
        into.mkdir()
        cv2.imwrite(str(scan), (grey * 65535).round().astype(np.uint16))
        result = colorize(scan, into, options, predictor=model)
        files = {file.role: into / file.name for file in result.files}
        colored = pyvips.Image.new_from_file(str(files[Role.COLORIZED])).numpy()
        sure = pyvips.Image.new_from_file(str(files[Role.CONFIDENCE])).numpy()
    ab = lab.srgb_to_lab(np.asarray(colored / np.iinfo(colored.dtype).max, np.float32))[..., 1:]
    size = picture.shape[1::-1]
    confidence = cv2.resize(sure.astype(np.float32) / 255, size, interpolation=cv2.INTER_LINEAR)
    return Written(ab, np.asarray(confidence, np.float32))
