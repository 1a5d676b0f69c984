"""The demonstration's inbox: several scan formats, described for the catalog, written once."""

import csv

import cv2
import numpy as np

from imaging.scan import open_scan
from operators.demo.samples import SAMPLES, write_samples
from restoration.damage_components import damage_mask
from restoration.defects import NetworkDetector
from restoration.options import RestorationOptions
from restoration.sampling import encoded, luma


def test_samples_come_in_the_promised_depths(tmp_path):
    write_samples(tmp_path / "inbox")

    depths = {
        s.scan: cv2.imread(str(tmp_path / "inbox" / s.scan), cv2.IMREAD_UNCHANGED).itemsize * 8
        for s in SAMPLES
    }

    assert depths == {s.scan: s.bits for s in SAMPLES}


def test_the_leg_of_the_photographers_tripod_is_not_taken_for_a_scratch(tmp_path):
    write_samples(tmp_path / "inbox")
    scan = open_scan(tmp_path / "inbox" / SAMPLES[0].scan)
    photographer = luma(encoded(scan.numpy().reshape(scan.height, scan.width, scan.bands)))
    found = damage_mask(NetworkDetector().detect(photographer, RestorationOptions().sensitivity))
    leg = cv2.line(np.zeros_like(found), (334, 362), (422, 528), 1, 9) > 0
    assert abs(photographer[leg].mean() - 0.55) < 0.15, "the picture is another: look where the leg is"
    assert (found[leg] > 0).mean() < 0.05


def test_second_call_rewrites_nothing(tmp_path):
    write_samples(tmp_path / "inbox")
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "inbox").iterdir()}

    write_samples(tmp_path / "inbox")

    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "inbox").iterdir()} == before


def test_historical_scans_join_and_are_described(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "fsa-1.jpg").write_bytes(b"picture")
    (tmp_path / "old" / "index.tsv").write_text("not a picture")

    described = write_samples(tmp_path / "inbox", tmp_path / "old")

    rows = list(csv.DictReader(described.read_text().splitlines()))
    assert (tmp_path / "inbox" / "fsa-1.jpg").read_bytes() == b"picture"
    assert not (tmp_path / "inbox" / "index.tsv").exists()
    assert [r["accession_number"] for r in rows][-1] == "fsa-1"
    assert len(rows) == len(SAMPLES) + 1
