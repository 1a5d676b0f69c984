"""What people see of a request on a screen: JPEG views of at most 1,024 px, each stating what it is.

Written from the finished files, or for a first look and for hints from a view of L* that is colored at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pyvips
from numpy.typing import NDArray

from catalog.provenance.vocabulary import DigitalSourceType
from catalog.request_files import DOUBT, PREVIEW
from catalog.vocabulary import COLOR_NOTICE, RESTORATION_NOTICE
from colorization.recoloring import Recolored
from imaging.false_color import overlay
from imaging.fixity import describe_output
from imaging.lab import fit_gamut, lab_to_srgb
from imaging.pyramid import write_jpeg
from imaging.scan import decoding, open_scan
from imaging.stage import OutputFile, Role
from operators.work.doubt import describe

VERSION = "1"
SIDE = 1024
"""Longer side of a view, px."""
QUALITY = 85

Array = NDArray[np.float32]


def write_colored_view(lightness: Array, recolored: Recolored, folder: Path) -> OutputFile:
    """Write a view (h×w L* and its a*b*) as JPEG; return its description."""
    lab = np.concatenate([lightness[..., None], recolored.chroma.transpose(1, 2, 0)], -1)
    pixels = (np.clip(lab_to_srgb(fit_gamut(lab)), 0, 1) * 255).round().astype(np.uint8)
    return _write(pyvips.Image.new_from_array(pixels), folder, PREVIEW, Role.COLORIZED)


def write_views(
    folder: Path, restored: Path, colorized: Path | None, confidence: Path | None, others: Sequence[Path]
) -> tuple[OutputFile, ...]:
    """Write views of finished files into `folder`, and a description of the doubt.

    Parameters
    ----------
    restored, colorized, confidence
        Of the photograph; the latter two where it is colorized.
    others
        Its alternatives.
    """
    shown = _opened(restored)
    if colorized is None or confidence is None:
        return (_write(shown, folder, PREVIEW, Role.RESTORED),)
    written = [
        _write(_opened(colorized), folder, PREVIEW, Role.COLORIZED),
        _write(shown, folder, "restored.jpg", Role.RESTORED),
    ]
    with decoding(confidence):
        share = open_scan(confidence)
        sure = (share.numpy() / np.float32(255)).astype(np.float32)
        drawn = overlay(share, shown)
        written.append(_write(drawn, folder, "confidence.jpg", Role.CONFIDENCE))
    for other in others:
        written.append(_write(_opened(other), folder, f"{other.stem}.jpg", Role.ALTERNATIVE))
    told = folder / DOUBT
    told.write_text(json.dumps(asdict(describe(sure)), ensure_ascii=False), encoding="utf-8")
    written.append(describe_output(told, folder, Role.CONFIDENCE))
    return tuple(written)


def _opened(path: Path) -> pyvips.Image:
    """Open a finished file at the size of a view, 8 bits."""
    with decoding(path):
        image = open_scan(path, sequential=True)
        longer = max(image.width, image.height)
        small = image.resize(SIDE / longer) if longer > SIDE else image
        if small.format == "ushort":
            small = ((small + 128) / 257).floor().cast("uchar")
        return small.copy_memory()


def _write(image: pyvips.Image, folder: Path, name: str, role: Role) -> OutputFile:
    path = folder / name
    size = write_jpeg(image, path, quality=QUALITY, xmp=_packet(role), max_side=SIDE)
    return describe_output(path, folder, role, width=size.width, height=size.height, bits=8)


def _packet(role: Role) -> bytes:
    """Return XMP that says what a view is; without a date, so that the same work gives the same bytes."""
    inferred = role in {Role.COLORIZED, Role.ALTERNATIVE}
    source = (
        DigitalSourceType.COMPOSITE_WITH_MODEL
        if inferred or role is Role.CONFIDENCE
        else (DigitalSourceType.ENHANCED)
    )
    notice = COLOR_NOTICE if inferred else RESTORATION_NOTICE
    if role is Role.CONFIDENCE:
        notice = "A map of how sure a model is of the colors that it inferred; it is no photograph."
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmp:CreatorTool="Heliochrome"'
        f' Iptc4xmpExt:DigitalSourceType="{source}"><dc:description><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{escape(notice)}</rdf:li></rdf:Alt></dc:description>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()
