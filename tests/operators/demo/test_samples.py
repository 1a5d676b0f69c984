"""The demonstration's inbox: several scan formats, described for the catalog, written once."""

import csv

import cv2

from operators.demo.samples import SAMPLES, write_samples


def test_samples_come_in_the_promised_depths(tmp_path):
    write_samples(tmp_path / "inbox")

    depths = {
        s.scan: cv2.imread(str(tmp_path / "inbox" / s.scan), cv2.IMREAD_UNCHANGED).itemsize * 8
        for s in SAMPLES
    }

    assert depths == {s.scan: s.bits for s in SAMPLES}


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
