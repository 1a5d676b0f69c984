"""The pictures of the demonstration: photographs that scikit-image installs, printed and aged.

Each is turned grey, aged from a fixed seed and written in a different form that scanners deliver, so that
the workflow meets 8 and 16 bit, grey and RGB, TIFF and JPEG. Real historical scans in a folder join them.
"""

from __future__ import annotations

import csv
import importlib.resources
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from operators.demo.ageing import Ageing, Picture, age

GREY_PAPER = (0.9, 0.9, 0.9)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
PUBLIC_DOMAIN = "https://creativecommons.org/publicdomain/mark/1.0/"
NOT_EVALUATED = "https://rightsstatements.org/vocab/CNE/1.0/"
SCAN_SUFFIXES = frozenset({".tif", ".tiff", ".jpg", ".jpeg", ".png"})


@dataclass(frozen=True)
class Sample:
    """One picture of the demonstration.

    Parameters
    ----------
    picture
        File name in scikit-image's data folder.
    scan
        File name to write; its suffix chooses the format.
    bits
        Bits per sample to write, 8 or 16.
    title, maker, rights
        Its record for the catalog; `rights` is a URI.
    ageing
        What the years did to its print.
    """

    picture: str
    scan: str
    bits: int
    title: str
    maker: str
    rights: str
    ageing: Ageing


SAMPLES = (
    Sample(
        "camera.png",
        "DEMO-0001.tif",
        16,
        "Photographer at work",
        "Lav Varshney",
        CC0,
        Ageing(paper=GREY_PAPER),
    ),
    Sample("astronaut.png", "DEMO-0002.tif", 8, "Eileen Collins", "NASA", PUBLIC_DOMAIN, Ageing(fading=0.3)),
    Sample("rocket.jpg", "DEMO-0003.jpg", 8, "Falcon 9 at night", "SpaceX", CC0, Ageing(dust=80, tear=False)),
    Sample("coffee.png", "DEMO-0004.tif", 16, "Cup of coffee", "Rachel Michetti", CC0, Ageing(stain=0.06)),
    Sample("chelsea.png", "DEMO-0005.jpg", 8, "Chelsea the cat", "S. van der Walt", CC0, Ageing(scratches=2)),
    Sample(
        "motorcycle_left.png",
        "DEMO-0006.png",
        8,
        "Motorcycle in a garage",
        "D. Scharstein et al.",
        CC0,
        Ageing(paper=GREY_PAPER, tear=False, grain=0.04),
    ),
)


def write_samples(inbox: Path, historical: Path | None = None) -> Path:
    """Fill `inbox` with the demonstration's scans and return the objects' CSV beside it.

    Files that are already there are left alone, so that a second demonstration finds nothing new.

    Parameters
    ----------
    inbox
        Folder for the scans; made when absent.
    historical
        Folder of further scans to copy in; ignored when absent.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    for seed, sample in enumerate(SAMPLES):
        target = inbox / sample.scan
        if not target.exists():
            _write(target, age(_grey(sample.picture), sample.ageing, seed), sample)
    for scan in _historical(historical):
        if not (inbox / scan.name).exists():
            shutil.copyfile(scan, inbox / scan.name)
    return _describe(inbox.with_name("objects.csv"), historical)


def _grey(picture: str) -> Picture:
    source = importlib.resources.files("skimage.data") / picture
    pixels = np.frombuffer(source.read_bytes(), np.uint8)
    grey: Picture = np.asarray(cv2.imdecode(pixels, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
    return grey


def _write(target: Path, picture: Picture, sample: Sample) -> None:
    scaled = np.round(picture[..., ::-1] * (2**sample.bits - 1))
    pixels = scaled.astype(np.uint16) if sample.bits == 16 else scaled.astype(np.uint8)
    if sample.ageing.paper == GREY_PAPER:
        pixels = pixels[..., 0]
    # The suffix stays last: OpenCV chooses the format by it.
    partial = target.with_name(f".{target.name}")
    cv2.imwrite(str(partial), pixels)
    partial.rename(target)


def _historical(folder: Path | None) -> Iterator[Path]:
    if folder is None or not folder.is_dir():
        return
    yield from sorted(p for p in folder.iterdir() if p.suffix.lower() in SCAN_SUFFIXES)


def _describe(target: Path, historical: Path | None) -> Path:
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("accession_number", "title", "maker", "rights", "source", "collections"))
        for s in SAMPLES:
            writer.writerow((Path(s.scan).stem, s.title, s.maker, s.rights, "scikit-image", "demo"))
        for scan in _historical(historical):
            writer.writerow((scan.stem, "Historical photograph", "", NOT_EVALUATED, scan.name, "demo"))
    return target
