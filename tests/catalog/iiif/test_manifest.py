from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.iiif.addresses import Addresses
from catalog.iiif.documents import rights_uri
from catalog.iiif.manifest import build_manifest
from catalog.iiif.records import (
    CanvasImage,
    Capabilities,
    CollectionLink,
    DamagedRegion,
    Institution,
    PhotographRecord,
    SourcedHint,
    View,
)
from catalog.vocabulary import COLOR_NOTICE
from imaging.errors import CatalogError
from imaging.stage import Role
from tests.catalog.iiif.conformance import assert_presentation

BASE = Addresses("https://museum.example/iiif-root")
RECORD = PhotographRecord(
    accession="1987.12/3",
    title="Harbor at noon",
    date_text="c. 1912",
    maker="Unknown photographer",
    credit="Gift of the harbor master's family",
    summary="A view over the harbor.",
    rights="https://creativecommons.org/publicdomain/mark/1.0/",
    language="en",
)
SCAN = CanvasImage(Role.ORIGINAL, "a1", 4000, 3000)
RESTORED = CanvasImage(Role.RESTORED, "b2", 4000, 3000)
COLORIZED = CanvasImage(Role.COLORIZED, "c3", 4000, 3000)
CONFIDENCE = CanvasImage(Role.CONFIDENCE, "d4", 4000, 3000)
ALTERNATIVE = CanvasImage(Role.ALTERNATIVE, "e5", 4000, 3000, label="Alternative 1")


def test_texts_stay_as_the_catalog_words_them() -> None:
    title = "Tide at 06:00:00+00:00"
    manifest = assert_presentation(build_manifest(replace(RECORD, title=title), [View((SCAN,))], BASE))
    assert manifest["label"] == {"en": [title]}


def test_a_full_manifest_keeps_the_official_schema() -> None:
    manifest = assert_presentation(
        build_manifest(
            RECORD,
            [
                View(
                    (COLORIZED, CONFIDENCE, SCAN, ALTERNATIVE, RESTORED),
                    regions=(
                        DamagedRegion("scratch", ((1.5, 2), (30, 2), (30, 40))),
                        DamagedRegion("loss", ((50, 2), (60, 2), (60, 9)), mended=False),
                    ),
                    hints=(
                        SourcedHint(0.5, 0.25, "#1b3a5e", "letter of 1912-04-03, fol. 2", "M. Archivist"),
                    ),
                )
            ],
            BASE,
            institution=Institution("Harbor Museum", "https://museum.example/"),
            models=["heliochrome-color 1.0.0"],
            collections=[CollectionLink("harbor", "The harbor")],
            capabilities=Capabilities(masters=True),
        )
    )
    body = manifest["items"][0]["items"][0]["items"][0]["body"]
    assert body["type"] == "Choice"
    assert [item["id"].split("/")[-5] for item in body["items"]] == ["a1", "b2", "c3", "e5", "d4"]
    mended, hints = manifest["items"][0]["annotations"]
    assert [region["body"]["value"] for region in mended["items"]] == [
        "Mended: scratch",
        "Found, not mended: loss",
    ]
    assert "M1.5,2L30,2L30,40Z" in mended["items"][0]["target"]["selector"]["value"]
    assert hints["items"][0]["target"]["selector"]["value"] == "xywh=1980,730,40,40"
    assert "letter of 1912-04-03" in hints["items"][0]["body"]["value"]
    assert manifest["seeAlso"][0]["format"] == "application/ld+json"
    assert len(manifest["rendering"]) == 5


def test_inferred_colors_are_announced_on_the_manifest_and_on_every_inferred_picture() -> None:
    manifest = assert_presentation(
        build_manifest(
            RECORD,
            [
                View(
                    (
                        SCAN,
                        RESTORED,
                        COLORIZED,
                        ALTERNATIVE,
                    )
                )
            ],
            BASE,
        )
    )
    assert COLOR_NOTICE in manifest["requiredStatement"]["value"]["en"]
    body = manifest["items"][0]["items"][0]["items"][0]["body"]
    announced = [
        item["id"].split("/")[-5]
        for item in body["items"]
        if COLOR_NOTICE in item.get("requiredStatement", {}).get("value", {}).get("en", ())
    ]
    assert announced == ["c3", "e5"]


def test_without_inferred_colors_nothing_is_said_of_them() -> None:
    document = build_manifest(RECORD, [View((SCAN,))], BASE)
    manifest = assert_presentation(document)
    assert COLOR_NOTICE.encode() not in document
    assert manifest["requiredStatement"]["value"] == {"en": [RECORD.credit]}
    assert manifest["items"][0]["items"][0]["items"][0]["body"]["type"] == "Image"


def test_thumbnails_never_show_inferred_colors() -> None:
    manifest = assert_presentation(
        build_manifest(
            RECORD,
            [
                View(
                    (
                        SCAN,
                        RESTORED,
                        COLORIZED,
                    )
                )
            ],
            BASE,
        )
    )
    assert "/b2/full/400,300/" in manifest["thumbnail"][0]["id"]
    assert "/b2/full/400,300/" in manifest["items"][0]["thumbnail"][0]["id"]


def test_the_same_record_gives_the_same_bytes() -> None:
    assert build_manifest(
        RECORD,
        [
            View(
                (
                    SCAN,
                    COLORIZED,
                )
            )
        ],
        BASE,
    ) == build_manifest(
        RECORD,
        [
            View(
                (
                    COLORIZED,
                    SCAN,
                )
            )
        ],
        BASE,
    )


def test_a_photograph_without_pictures_is_refused() -> None:
    with pytest.raises(CatalogError, match="no picture"):
        build_manifest(RECORD, [], BASE)


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ("https://rightsstatements.org/page/InC/1.0/", "http://rightsstatements.org/vocab/InC/1.0/"),
        ("http://creativecommons.org/licenses/by/4.0/", "http://creativecommons.org/licenses/by/4.0/"),
        ("https://museum.example/rights", None),
        ("All rights reserved", None),
        ("", None),
        (None, None),
    ],
)
def test_rights_hold_only_registered_uris(given: str | None, uri: str | None) -> None:
    assert rights_uri(given) == uri


def test_unregistered_rights_are_told_as_metadata() -> None:
    record = PhotographRecord("1", "A", rights="All rights reserved")
    manifest = assert_presentation(build_manifest(record, [View((SCAN,))], BASE))
    assert "rights" not in manifest
    assert {"label": {"en": ["Rights"]}, "value": {"none": ["All rights reserved"]}} in manifest["metadata"]


def test_large_canvases_keep_their_coordinates() -> None:
    scan = CanvasImage(Role.ORIGINAL, "a1", 240_000, 130_000)
    tear = DamagedRegion("tear", ((200_001.5, 3), (200_009, 3), (1, 1)))
    document = build_manifest(RECORD, [View((scan,), (tear,))], BASE)
    assert b"M200001.5,3L200009,3L1,1Z" in document


def test_each_scan_has_a_canvas() -> None:
    verso = CanvasImage(Role.ORIGINAL, "f6", 3000, 4000)
    manifest = assert_presentation(build_manifest(RECORD, [View((SCAN,)), View((verso,))], BASE))
    assert [canvas["width"] for canvas in manifest["items"]] == [4000, 3000]
