from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection

from catalog import collections, objects, reviews
from catalog.agents import person
from catalog.iiif.addresses import Addresses
from catalog.interchange.linked_art import (
    CONTEXT,
    export_object,
    export_objects,
    import_objects,
    read_object,
)
from catalog.objects import DESCRIPTIVE, ObjectRecord
from catalog.schema import ReviewState
from imaging.errors import CatalogError
from tests.catalog.records import digest
from tests.catalog.test_queue import open_one

ADDRESSES = Addresses("https://museum.example")
RECORD = ObjectRecord(
    accession_number="1984.12/3",
    title="Castle in Žďár",
    description="Glass plate, cracked",
    maker="J. Šechtl",
    date_text="ca. 1890",
    date_from=date(1885, 1, 1),
    date_to=date(1895, 12, 31),
    rights="http://rightsstatements.org/vocab/NoC-US/1.0/",
    source="Gift of the family",
)


def save(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_description_reads_back_as_it_was_written(connection: Connection):
    objects.upsert(connection, [RECORD])
    document = export_object(connection, RECORD.accession_number, ADDRESSES)
    assert (document["@context"], document["type"], document["_label"]) == (
        CONTEXT,
        "HumanMadeObject",
        "Castle in Žďár",
    )
    assert document["id"].startswith("https://museum.example/")
    assert read_object(json.loads(json.dumps(document))) == RECORD


@pytest.mark.parametrize("records", [[], [RECORD, ObjectRecord(accession_number="7", title="Quay")]])
def test_a_whole_catalog_is_one_list_that_reads_back(
    connection: Connection, tmp_path: Path, records: list[ObjectRecord]
):
    objects.upsert(connection, records)
    target = io.StringIO()
    assert export_objects(connection, target, ADDRESSES) == len(records)
    assert [read_object(document) for document in json.loads(target.getvalue())] == records
    report = import_objects(connection, save(tmp_path / "all.json", json.loads(target.getvalue())))
    assert (report.unchanged, report.faulty) == (len(records), 0)


def test_a_collection_is_exported_alone(connection: Connection):
    objects.upsert(connection, [RECORD, ObjectRecord(accession_number="7")])
    collections.ensure(connection, "plates")
    collections.add(connection, "plates", [objects.get(connection, "7").id])
    target = io.StringIO()
    assert export_objects(connection, target, ADDRESSES, "plates") == 1
    assert "1984.12/3" not in target.getvalue()


def test_bare_object_says_only_its_number(connection: Connection):
    objects.upsert(connection, [ObjectRecord(accession_number="7")])
    document = export_object(connection, "7", ADDRESSES)
    assert set(document) == {"@context", "id", "type", "_label", "classified_as", "identified_by"}
    assert read_object(document) == ObjectRecord(accession_number="7")


def test_images_of_published_objects_only_and_colors_are_called_inferred(connection: Connection):
    objects.upsert(connection, [RECORD])
    review = open_one(connection, RECORD.accession_number, 0.5)
    collections.upsert(connection, "plates", title="Plates")
    number = objects.get(connection, RECORD.accession_number).id
    collections.add(connection, "plates", [number])
    before = export_object(connection, RECORD.accession_number, ADDRESSES)
    assert "representation" not in before
    assert [kept["_label"] for kept in before["member_of"]] == ["Plates"]
    reviews.decide(connection, review, ReviewState.APPROVED, person("Ada"))
    after = export_object(connection, RECORD.accession_number, ADDRESSES)
    images = [item["digitally_shown_by"][0] for item in after["representation"]]
    assert [image["_label"] for image in images] == ["original", "restored", "colorized", "confidence"]
    noted = [image["_label"] for image in images if "referred_to_by" in image]
    assert noted == ["colorized"]
    assert "inferred by a model" in images[2]["referred_to_by"][0]["content"]
    assert images[0]["identified_by"][0]["content"] == f"sha256:{digest(RECORD.accession_number)}"
    assert [d["value"] for d in images[0]["dimension"]] == [30, 40]
    carrier = after["subject_of"][0]["digitally_carried_by"][0]
    assert carrier["access_point"][0]["id"] == ADDRESSES.manifest(RECORD.accession_number)


def test_import_is_one_transaction_and_reports_each_bad_document(connection: Connection, tmp_path: Path):
    objects.upsert(connection, [RECORD])
    good = export_object(connection, RECORD.accession_number, ADDRESSES)
    other = json.loads(json.dumps(good).replace("1984.12/3", "1984.13"))
    foreign = json.loads(json.dumps(good).replace("NoC-US", "Mine").replace("1984.12/3", "1984.14"))
    path = save(tmp_path / "objects.json", [good, other, {"type": "Person"}, foreign, good])
    report = import_objects(connection, path)
    assert (report.rows, report.inserted, report.unchanged, report.faulty, report.written) == (
        5,
        1,
        1,
        3,
        False,
    )
    assert [(error.line, error.column) for error in report.errors] == [
        (3, ""),
        (4, "rights"),
        (5, "accession_number"),
    ]
    assert objects.find(connection, "1984.13") is None
    assert import_objects(connection, path, skip_bad_documents=True).written
    copied = objects.get(connection, "1984.13")
    assert all(getattr(copied, name) == getattr(RECORD, name) for name in DESCRIPTIVE)
    assert import_objects(connection, save(path, good), dry_run=True).unchanged == 1


def test_dates_in_words_have_days_or_a_remark(connection: Connection, tmp_path: Path):
    def dated(number: str, words: str) -> dict[str, object]:
        identifier = {"type": "Identifier", "classified_as": ["aat:300312355"], "content": number}
        span = {"identified_by": [{"type": "Name", "content": words}]}
        return {"type": "HumanMadeObject", "identified_by": [identifier], "produced_by": {"timespan": span}}

    path = save(tmp_path / "objects.json", [dated("1", "[1900?]"), dated("2", "before the war")])
    report = import_objects(connection, path)
    assert objects.get(connection, "1").date_to == date(1900, 12, 31)
    (remark,) = report.remarks
    assert (remark.line, remark.column) == (2, "date_text") and "not understood" in remark.remark


def test_what_a_document_says_nothing_of_stays(connection: Connection, tmp_path: Path):
    objects.upsert(connection, [RECORD])
    number = {"type": "Identifier", "classified_as": [{"id": "aat:300312355"}], "content": "1984.12/3"}
    name = {"type": "Name", "classified_as": None, "content": "Bridge"}
    silent = {"type": "HumanMadeObject", "identified_by": [number, name]}
    other = {**silent, "identified_by": [{**number, "content": "7"}]}
    report = import_objects(connection, save(tmp_path / "objects.json", [silent, other]))
    assert (report.inserted, report.updated, report.faulty) == (1, 1, 0)
    assert read_object(silent).description == ""
    found = objects.get(connection, "1984.12/3")
    assert found.title == "Bridge"
    assert all(getattr(found, name) == getattr(RECORD, name) for name in DESCRIPTIVE if name != "title")
    assert objects.get(connection, "7").title == ""


def test_days_are_read_as_they_are_meant():
    number = {"type": "Identifier", "classified_as": {"id": "aat:300312355"}, "content": "7"}

    def said(**span: str) -> ObjectRecord:
        document = {"type": "HumanMadeObject", "identified_by": [number], "produced_by": {"timespan": span}}
        return read_object(document)

    exact = said(begin_of_the_begin="1890-05-03T00:00:00Z", end_of_the_end="1890-05-04")
    assert (exact.date_from, exact.date_to) == (date(1890, 5, 3), date(1890, 5, 4))
    year = said(begin_of_the_begin="1890", end_of_the_end="1890")
    assert (year.date_from, year.date_to) == (date(1890, 1, 1), date(1890, 12, 31))
    assert said(begin_of_the_begin="before the war").date_from is None


def test_document_of_another_institution_is_understood():
    record = read_object(
        {
            "type": "HumanMadeObject",
            "identified_by": [
                {"type": "Identifier", "content": "A 17", "classified_as": ["aat:300312355"]},
                {"type": "Name", "content": "Bridge"},
            ],
            "produced_by": {
                "carried_out_by": [{"type": "Person", "_label": "A. Novak"}],
                "timespan": {"begin_of_the_begin": "1912-05-01T00:00:00Z", "end_of_the_end": "unknown"},
            },
            "subject_to": [
                {
                    "type": "Right",
                    "classified_as": [{"id": "https://creativecommons.org/publicdomain/mark/1.0/"}],
                }
            ],
        }
    )
    assert (record.accession_number, record.title, record.maker) == ("A 17", "Bridge", "A. Novak")
    assert (record.date_from, record.date_to) == (date(1912, 5, 1), None)
    assert record.rights == "https://creativecommons.org/publicdomain/mark/1.0/"


@pytest.mark.parametrize(
    "document", [[], "x", {"type": "HumanMadeObject"}, {"type": "HumanMadeObject", "identified_by": 3}]
)
def test_what_is_no_object_is_refused(document):
    with pytest.raises(CatalogError):
        read_object(document)


def test_file_that_is_no_json_is_refused(connection: Connection, tmp_path: Path):
    path = tmp_path / "objects.json"
    path.write_text("<rdf/>")
    with pytest.raises(CatalogError, match="is not JSON"):
        import_objects(connection, path)
