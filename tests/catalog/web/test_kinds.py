"""What archivists see of a scan's kind, and how they overrule it."""

from __future__ import annotations

from catalog import kinds, objects
from imaging.scan_kind import ScanKind, ScanKindReport
from tests.catalog.iiif.archive import Archive
from tests.catalog.records import EVENT_CONTEXT
from tests.catalog.web.conftest import Client


def told(archive: Archive, scan: int, kind: ScanKind) -> None:
    report = ScanKindReport(kind, "Colors follow <no> tone.", {"residual": 9.5}, "1")
    with archive.engine.begin() as connection:
        kinds.record(connection, scan, report, EVENT_CONTEXT)


def test_the_page_says_what_it_was_taken_for_and_why(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    assert "Not examined yet" in staff.get("/heliochrome/photographs/1987.1/").text
    told(archive, photograph.scan_id, ScanKind.COLOR)
    page = staff.get("/heliochrome/photographs/1987.1/").text
    assert "Detected as a color photograph" in page
    assert ScanKind.COLOR.consequence in page
    assert "Colors follow &lt;no&gt; tone." in page


def test_an_archivist_says_what_it_is(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    told(archive, photograph.scan_id, ScanKind.NEGATIVE)
    path = f"/heliochrome/scans/{photograph.scan_id}/kind"
    answer = staff.post(path, data={"kind": "monochrome"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/heliochrome/photographs/1987.1/")
    page = staff.get("/heliochrome/photographs/1987.1/").text
    assert "Set to a black-and-white photograph" in page
    assert "; detected as a negative" in page
    staff.post(path, data={"kind": ""})
    assert "Detected as a negative" in staff.get("/heliochrome/photographs/1987.1/").text


def test_an_object_is_kept_from_being_colored(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    with archive.engine.connect() as connection:
        number = objects.get(connection, "1987.1").id
    path = f"/heliochrome/objects/{number}/coloring"
    assert staff.post(path, data={"do_not_color": "true"}).status_code == 303
    assert "must not be colored" in staff.get("/heliochrome/photographs/1987.1/").text
    with archive.engine.connect() as connection:
        assert not kinds.treatment(connection, photograph.scan_id).colorized
    assert staff.post(path, data={"do_not_color": "false"}).status_code == 303
    with archive.engine.connect() as connection:
        assert kinds.treatment(connection, photograph.scan_id).colorized


def test_readers_say_nothing_of_kinds(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    staff.headers["authorization"] = "Bearer reader"
    for path in (f"scans/{photograph.scan_id}/kind", "objects/1/coloring"):
        assert staff.post(f"/heliochrome/{path}", data={}).status_code == 403


def test_other_words_are_refused(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    answer = staff.post(f"/heliochrome/scans/{photograph.scan_id}/kind", data={"kind": "daguerreotype"})
    assert answer.status_code == 422
    assert staff.post("/heliochrome/scans/999/kind", data={"kind": "color"}).status_code == 409
