"""Mutated files, read in a process that may die.

``python -m tests.imaging.fuzzing FORMAT COUNT SEED FOLDER``

Writes one JSON line before and after each file, so that whoever started it knows which file killed it.
"""

from __future__ import annotations

import io
import json
import logging
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imaging.errors import ScanError
from imaging.profiles import ColorSpace, ProfileUse
from imaging.scan import ScanLimits, ScanProperties, decoding, inspect_scan, open_scan
from imaging.tiff import Tag, read_directories

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.integer[Any]]]
Random = np.random.Generator
LIMITS = ScanLimits(max_pixels=1 << 20, max_side=1 << 14, max_bytes=1 << 20, max_pages=20)
HEADER = 160


def picture(bands: int = 3) -> Image.Image:
    """Return 72×48 px of noise on ramps, so that every place differs and JPEG has something to keep."""
    y, x = np.mgrid[:48, :72]
    planes = np.stack([x * 3, y * 5, x + y * 2, 255 - x], axis=-1)[..., :bands]
    noisy = planes + np.random.default_rng(7).normal(0, 4, planes.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8).squeeze())


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def tiff(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def originals(form: str) -> list[bytes]:
    """Return whole files of a format, of as many kinds as small encoders write."""
    color, grey, clear = picture(), picture(1), picture(4)
    deep = np.asarray(grey).astype(np.uint16) * 200
    return {
        "jpeg": lambda: [
            encoded(color, "JPEG", quality=90),
            encoded(color, "JPEG", quality=80, subsampling=0, optimize=True),
            encoded(grey, "JPEG", quality=85, restart_marker_blocks=5),
            encoded(color, "JPEG", progressive=True, quality=85),
        ],
        "png": lambda: [
            encoded(color, "PNG"),
            encoded(grey, "PNG"),
            encoded(clear, "PNG"),
            encoded(Image.fromarray(deep), "PNG"),
            encoded(color.quantize(40), "PNG", transparency=3),
            encoded(grey.convert("1"), "PNG"),
            described_png(color),
        ],
        "webp": lambda: [
            encoded(color, "WEBP", quality=90),
            encoded(color, "WEBP", lossless=True),
            encoded(clear, "WEBP", quality=70),
        ],
        "tiff": lambda: [
            tiff(np.asarray(color), rowsperstrip=16),
            tiff(np.asarray(grey), tile=(16, 16)),
            tiff(deep, byteorder=">"),
            tiff(np.asarray(color), compression="zlib", rowsperstrip=16),
            encoded(color, "TIFF", compression="tiff_lzw"),
            encoded(color, "TIFF", compression="jpeg", quality=90),
            encoded(grey, "TIFF", compression="packbits"),
            encoded(grey.convert("1"), "TIFF", compression="group4"),
        ],
    }[form]()


def described_png(image: Image.Image) -> bytes:
    """Return a PNG with chunks of every kind that says something of its colors, its place or its story."""
    texts = PngInfo()
    texts.add_text("Title", "A street")
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    texts.add(b"gAMA", struct.pack(">I", 45455))
    texts.add(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))
    texts.add(b"sBIT", bytes([8, 8, 8]))
    exif = Image.Exif()
    exif[0x010E] = "A street"
    return encoded(image, "PNG", pnginfo=texts, dpi=(300, 300), exif=exif)


def flip(data: bytearray, rng: Random) -> None:
    for _ in range(int(rng.integers(1, 5))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))


def overwrite_header(data: bytearray, rng: Random) -> None:
    for _ in range(int(rng.integers(1, 4))):
        data[int(rng.integers(min(len(data), HEADER)))] = int(rng.choice([0, 1, 127, 128, 255]))


def cut(data: bytearray, rng: Random) -> None:
    del data[int(rng.integers(len(data))) :]


def remove(data: bytearray, rng: Random) -> None:
    start = int(rng.integers(len(data)))
    del data[start : start + int(rng.integers(1, 400))]


def insert(data: bytearray, rng: Random) -> None:
    start = int(rng.integers(len(data)))
    data[start:start] = rng.bytes(int(rng.integers(1, 60)))


def blank(data: bytearray, rng: Random) -> None:
    start = int(rng.integers(len(data)))
    length = min(len(data) - start, int(rng.integers(1, 600)))
    data[start : start + length] = bytes([int(rng.choice([0, 255]))]) * length


def repeat(data: bytearray, rng: Random) -> None:
    start = int(rng.integers(len(data)))
    data[start:start] = data[start : start + int(rng.integers(1, 300))]


MUTATIONS: tuple[Callable[[bytearray, Random], None], ...] = (
    flip,
    overwrite_header,
    cut,
    remove,
    insert,
    blank,
    repeat,
)


def mutate_chunk(data: bytearray, rng: Random) -> None:
    """Change what a chunk of a PNG holds, and its length and checksum with it, so that it is read at all."""
    chunks, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks.append((kind, bytearray(data[at + 8 : at + 8 + length])))
        at += length + 12
    chosen = int(rng.integers(len(chunks)))
    kind, content = chunks[chosen]
    if kind == b"IDAT":
        content = bytearray(zlib.decompress(content))
    if content:
        MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng)
    chunks[chosen] = kind, bytearray(zlib.compress(content)) if kind == b"IDAT" else content
    data[8:] = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def mutants(form: str, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents; the same for the same arguments."""
    rng = np.random.default_rng([seed, *form.encode()])
    wholes = originals(form)
    for number in range(count):
        data = bytearray(wholes[number % len(wholes)])
        done = [MUTATIONS[int(rng.integers(len(MUTATIONS)))] for _ in range(int(rng.integers(1, 3)))]
        if form == "png" and number % 4:
            done = [mutate_chunk]
        for mutation in done:
            if data:
                mutation(data, rng)
        yield f"{number:05}-{'-'.join(m.__name__ for m in done)}.{form}", bytes(data)


def judge(path: Path) -> dict[str, object]:
    """Read a file as the product does and as another decoder does; return what became of it."""
    try:
        properties = inspect_scan(path, limits=LIMITS)
        with decoding(path):
            ours = open_scan(path, limits=LIMITS, sequential=True).numpy()
    except ScanError as error:
        return {
            "ours": "refused",
            "kind": type(error).__name__,
            "subject": error.subject,
            "fault": error.fault,
            "remedy": error.remedy,
        }
    except Exception as error:  # what must never be seen
        return {"ours": "traceback", "fault": repr(error)}
    return {"ours": "read", **compare(path, properties, ours)}


def compare(path: Path, properties: ScanProperties, ours: Pixels) -> dict[str, object]:
    """Return the greatest difference to the other decoder, in codes of 8 bits, or why there is none."""
    model = properties.color_model
    if properties.profile is not ProfileUse.NONE or model in (ColorSpace.CMYK, ColorSpace.LAB):
        return {"skipped": "colors are converted"}
    if properties.orientation != 1:
        return {"skipped": "it is turned"}
    if ours.dtype == np.uint16:
        ours = ours >> 8
    flat = ours.reshape(*ours.shape[:2], -1).astype(int)
    theirs = by_pillow(path)
    if isinstance(theirs, str):
        return {"skipped": theirs}
    apart = difference(flat, theirs)
    if apart > 1 and path.suffix == ".tiff" and not isinstance(theirs := by_tifffile(path), str):
        apart = difference(flat, theirs)
    return {"difference": apart, "peculiar": peculiarity(path) if path.suffix == ".tiff" else ""}


def peculiarity(path: Path) -> str:
    """Return in which known way decoders may read a TIFF differently; empty for none."""
    page = read_directories(path, LIMITS.max_pages)[0]
    compression, photometric = page.first(Tag.COMPRESSION, 1), page.first(Tag.PHOTOMETRIC, 1)
    if compression in (2, 3, 4):
        return "ccitt"
    if compression == 7 and photometric == 2:
        return "jpeg said to be rgb"
    data, first = path.read_bytes(), min(entry.slot for entry in page.entries.values())
    order = "<" if data[:2] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", data, first - 2)
    tags = [struct.unpack_from(f"{order}H", data, first + 12 * n)[0] for n in range(count)]
    return "" if tags == sorted(set(tags)) else "tags out of order"


def difference(ours: Pixels, theirs: Pixels) -> int:
    return 255 if ours.shape[:2] != theirs.shape[:2] else int(np.abs(ours - theirs).max())


def by_tifffile(path: Path) -> Pixels | str:
    """Return the first page, H×W×bands of 8 bits."""
    try:
        pixels = tifffile.imread(path, key=0)
    except Exception as error:
        return f"tifffile: {type(error).__name__}"
    pixels = pixels.reshape(*pixels.shape[:2], -1).astype(np.int64)
    return pixels >> 8 if pixels.max(initial=0) > 255 else pixels


def by_pillow(path: Path) -> Pixels | str:
    """Return H×W×1 or 3 of 8 bits as Pillow decodes it, opacity laid on white."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > LIMITS.max_pixels:
                return "too large"
            image.load()
            if image.mode.startswith("I;16") or image.mode == "I":
                return np.asarray(image).astype(np.int64)[..., None] >> 8
            if image.has_transparency_data:
                over = image.convert("RGBA")
                plain = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
            elif image.mode in ("1", "L"):
                plain = image.convert("L")
            else:
                plain = image.convert("RGB")
            pixels = np.asarray(plain).astype(np.int64)
            return pixels.reshape(*pixels.shape[:2], -1)
    except Exception as error:  # Pillow raises whatever its plugins raise
        return f"Pillow: {type(error).__name__}"


def main(form: str, count: int, seed: int, folder: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    for name, data in mutants(form, count, seed):
        path = folder / name
        path.write_bytes(data)
        sys.stdout.write(json.dumps({"file": name}) + "\n")
        sys.stdout.flush()
        sys.stdout.write(json.dumps({"file": name, **judge(path)}) + "\n")
        path.unlink()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
