"""Pictures whose truth is known, because they are drawn."""

from __future__ import annotations

import cv2
import numpy as np


def drawing(kind: str, side: int = 384) -> np.ndarray:
    """Draw something with flat parts, slopes, edges and texture, range 0–1, free of noise."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    slope = 0.25 + 0.5 * (0.6 * x + 0.4 * y)
    if kind == "slope":
        return slope
    drawn = slope.copy()
    cv2.circle(drawn, (side // 3, side // 3), side // 5, 0.75, -1, cv2.LINE_AA)
    cv2.rectangle(drawn, (side // 2, side // 2), (side - 40, side - 60), 0.2, -1)
    texture = 0.1 * np.sin(90 * x) * np.sin(70 * y)
    return np.where(y > 0.8, drawn + texture, drawn).astype(np.float32)
