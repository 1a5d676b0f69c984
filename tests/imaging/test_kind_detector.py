"""What a scan is told to be, from the file to the decision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from imaging.errors import CorruptScan
from imaging.kind_detector import classify_scan, decide
from imaging.page_layout import PageLayout
from imaging.polarity import Polarity
from imaging.scan_kind import ScanKind
from imaging.toning import Toning
from tests.benchmarks import kind_samples

PHOTOGRAPH = PageLayout(paper=0.4, strokes=0.1, contrast=30, letters=3, in_rows=0.1)
POSITIVE = Polarity(negative=-6, document=-6)


def kind_of_file(picture: np.ndarray, path: Path) -> ScanKind:
    Image.fromarray(picture).save(path)
    return classify_scan(path).kind


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_photographs_are_told_by_their_colors(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    photograph = getattr(data, name)()
    assert kind_of_file(photograph, tmp_path / "color.tif") is ScanKind.COLOR
    assert kind_of_file(kind_samples.grey_of(photograph), tmp_path / "grey.tif") is ScanKind.MONOCHROME
    for toning in kind_samples.TONINGS:
        toned = kind_samples.toned(photograph, toning, random)
        assert kind_of_file(toned, tmp_path / f"{toning}.tif") is ScanKind.TONED


@pytest.mark.parametrize("kind", kind_samples.DOCUMENTS)
def test_pages_drawings_and_maps_are_documents(kind: str, tmp_path: Path) -> None:
    sheet = kind_samples.DOCUMENTS[kind](np.random.default_rng(5))
    assert kind_of_file(sheet, tmp_path / "sheet.png") is ScanKind.DOCUMENT


def test_depth_and_bands_do_not_matter(tmp_path: Path) -> None:
    grey = data.camera()
    Image.fromarray(grey).save(tmp_path / "8.tif")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "16.tif")
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(tmp_path / "rgb.tif")
    reports = [classify_scan(tmp_path / f"{name}.tif") for name in ("8", "16", "rgb")]
    assert {report.kind for report in reports} == {ScanKind.MONOCHROME}
    assert reports[0].evidence["paper"] == pytest.approx(reports[1].evidence["paper"], abs=0.01)


def test_the_page_that_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    color, grey = Image.fromarray(data.coffee()), Image.fromarray(kind_samples.grey_of(data.coffee()))
    color.save(tmp_path / "two.tif", save_all=True, append_images=[grey])
    assert classify_scan(tmp_path / "two.tif", page=0).kind is ScanKind.COLOR
    assert classify_scan(tmp_path / "two.tif", page=1).kind is ScanKind.MONOCHROME


def test_a_report_names_its_grounds_and_its_network(tmp_path: Path) -> None:
    Image.fromarray(data.coffee()).save(tmp_path / "a.png")
    report = classify_scan(tmp_path / "a.png")
    assert report.reason.endswith(".")
    assert {"residual", "paper", "negative_log_odds"} <= report.evidence.keys()
    assert report.model is not None and len(report.model.sha256) == 64
    assert classify_scan(tmp_path / "a.png") == report


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
def test_tiny_scans_of_any_model_are_told(mode: str, tmp_path: Path) -> None:
    Image.new("RGB", (2, 1), (90, 90, 90)).convert(mode).save(tmp_path / "tiny.tif")
    assert classify_scan(tmp_path / "tiny.tif").kind.colorized


def test_a_truncated_scan_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    Image.fromarray(data.coffee()).save(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(CorruptScan, match=r"cut\.jpg"):
        classify_scan(path)


def test_only_a_sure_negative_is_told() -> None:
    toning = Toning()
    assert decide(PHOTOGRAPH, toning, POSITIVE)[0] is ScanKind.MONOCHROME
    assert decide(PHOTOGRAPH, toning, Polarity(0.5, -6))[0] is ScanKind.MONOCHROME
    assert decide(PHOTOGRAPH, toning, Polarity(30, -6))[0] is ScanKind.NEGATIVE


def test_grain_and_dust_make_no_drawing() -> None:
    grain = PageLayout(paper=0.92, strokes=1.0, contrast=9.9, letters=10, in_rows=0.1)
    dust = PageLayout(paper=0.999, strokes=1.0, contrast=40, letters=0, in_rows=0)
    for layout in (grain, dust):
        assert decide(layout, Toning(), POSITIVE)[0] is ScanKind.MONOCHROME


def test_what_is_colorized_keeps_no_color_of_its_own() -> None:
    for kind in ScanKind:
        assert not (kind.colorized and kind.keeps_color)
        assert kind.label and kind.consequence
    assert [kind for kind in ScanKind if kind.colorized] == [ScanKind.MONOCHROME, ScanKind.TONED]
    assert [kind for kind in ScanKind if not kind.mended] == [ScanKind.DOCUMENT, ScanKind.NEGATIVE]
