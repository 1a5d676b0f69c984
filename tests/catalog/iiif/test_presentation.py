"""Who sees what: the public approved versions of published objects, staff what waits for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from catalog import activities, derivatives, given_hints, reviews
from catalog.given_hints import Hint
from catalog.iiif.addresses import Addresses
from catalog.iiif.presentation import Audience, hint_color, manifest_of, shown_file, shown_object
from catalog.schema import ReviewState, event_agents, events
from imaging.stage import Role
from tests.catalog.iiif.archive import ARCHIVIST, Archive, Photograph, make_archive
from tests.catalog.iiif.conformance import assert_presentation

BASE = Addresses("https://museum.example")


@pytest.fixture
def archive(engine: Engine, tmp_path: Path) -> Archive:
    return make_archive(engine, tmp_path)


def images(archive: Archive, accession: str, audience: Audience) -> dict[Role, str]:
    with archive.engine.connect() as connection:
        shown = shown_object(connection, accession, audience)
        return {file.role: file.image for scan in shown.scans for file in scan.files} if shown else {}


def test_before_approval_only_staff_see_a_photograph(archive: Archive) -> None:
    photograph = archive.add("1987.1")
    assert images(archive, "1987.1", Audience.PUBLIC) == {}
    assert images(archive, "1987.1", Audience.STAFF) == photograph.digests
    archive.decide(photograph, ReviewState.APPROVED)
    public = images(archive, "1987.1", Audience.PUBLIC)
    assert public == {r: d for r, d in photograph.digests.items() if r is not Role.DAMAGE_MASK}


def test_the_public_keeps_seeing_the_approved_version_while_a_new_one_is_reviewed(archive: Archive) -> None:
    first = archive.add("1987.1")
    archive.decide(first, ReviewState.APPROVED)
    second = archive.add("1987.1", take=1)
    assert images(archive, "1987.1", Audience.PUBLIC)[Role.COLORIZED] == first.digests[Role.COLORIZED]
    assert images(archive, "1987.1", Audience.STAFF)[Role.COLORIZED] == second.digests[Role.COLORIZED]
    archive.decide(second, ReviewState.APPROVED)
    assert images(archive, "1987.1", Audience.PUBLIC)[Role.COLORIZED] == second.digests[Role.COLORIZED]


def test_staff_see_what_waits_for_them_though_another_version_was_tagged_since(archive: Archive) -> None:
    first, second = archive.add("1987.1"), archive.add("1987.1", take=1)
    archive.decide(archive.add_provenance(first), ReviewState.REJECTED, "pale")
    archive.add_provenance(second)
    archive.add_provenance(first, {"@id": "urn:retitled"})

    def seen() -> str:
        return images(archive, "1987.1", Audience.STAFF)[Role.COLORIZED]

    assert seen() == second.digests[Role.COLORIZED]
    archive.decide(archive.add_provenance(second), ReviewState.REJECTED, "dark")
    assert seen() == first.digests[Role.COLORIZED]


def test_staff_see_what_stands_rather_than_what_was_superseded(archive: Archive) -> None:
    first, second = archive.add("1987.1"), archive.add("1987.1", take=1)
    archive.add_provenance(first, {"@id": "urn:former words"})
    archive.decide(archive.add_provenance(second), ReviewState.REJECTED, "dark")
    archive.add_provenance(second, {"@id": "urn:other words"})
    archive.add_provenance(second)
    with archive.engine.connect() as connection:
        shown = shown_object(connection, "1987.1", Audience.STAFF)
    assert shown is not None and shown.scans[0].review is not None
    assert shown.scans[0].review.state is ReviewState.REJECTED


def test_a_file_is_served_exactly_when_it_is_shown(archive: Archive) -> None:
    photograph = archive.add("1987.1")

    def visible(audience: Audience) -> set[Role]:
        with archive.engine.connect() as connection:
            return {
                role
                for role, digest in photograph.digests.items()
                if shown_file(connection, digest, audience) is not None
            }

    assert visible(Audience.PUBLIC) == set()
    assert visible(Audience.STAFF) == set(photograph.digests)
    archive.decide(photograph, ReviewState.APPROVED)
    assert visible(Audience.PUBLIC) == set(photograph.digests) - {Role.DAMAGE_MASK}
    with archive.engine.begin() as connection:
        shown = shown_object(connection, "1987.1", Audience.PUBLIC)
        assert shown is not None
        activities.withdraw(connection, shown.object.id)
    assert visible(Audience.PUBLIC) == set()


def test_the_manifest_tells_damaged_regions_hints_models_and_collections(archive: Archive) -> None:
    first = archive.add("1987.1", collection="harbor")
    with archive.engine.begin() as connection:
        coat = Hint(x=0.5, y=0.5, radius=0.1, a=5, b=-30, source="letter of 1912", citation="fol. 2")
        review = reviews.of_version(connection, first.version_id)
        reviews.decide(
            connection, review.id, ReviewState.RETURNED, ARCHIVIST, reason="coat was blue", given=[coat]
        )
        assert given_hints.standing(connection, first.scan_id)
    archive.decide(archive.add("1987.1", take=1), ReviewState.APPROVED)
    with archive.engine.connect() as connection:
        public = shown_object(connection, "1987.1", Audience.PUBLIC)
        assert public is not None
        told = manifest_of(connection, public, BASE).decode()
        assert "letter of 1912, fol. 2" in told
        assert ARCHIVIST.name not in told
        shown = shown_object(connection, "1987.1", Audience.STAFF)
        assert shown is not None
        manifest = assert_presentation(manifest_of(connection, shown, BASE))
    mended, given = manifest["items"][0]["annotations"]
    assert mended["items"][0]["body"]["value"] == "Mended: dust"
    assert "letter of 1912, fol. 2 (placed by M. Archivist)" in given["items"][0]["body"]["value"]
    assert {"label": {"en": ["Models"]}, "value": {"none": ["heliochrome-color 1.0.0"]}} in manifest[
        "metadata"
    ]
    assert manifest["partOf"][0]["id"] == BASE.collection("harbor")


def give(archive: Archive, photograph: Photograph, source: str) -> int:
    hint = Hint(x=0.5, y=0.5, radius=0.1, a=5, b=-30, source=source)
    with archive.engine.begin() as connection:
        given_hints.give(connection, photograph.scan_id, [hint], ARCHIVIST)
        return given_hints.of_scan(connection, photograph.scan_id)[-1].id


def withdraw(archive: Archive, hint: int) -> None:
    with archive.engine.begin() as connection:
        given_hints.withdraw(connection, hint, ARCHIVIST)


def sources(archive: Archive) -> set[str]:
    """Return the sources of all hints that the staff's manifest tells."""
    with archive.engine.connect() as connection:
        shown = shown_object(connection, "1987.1", Audience.STAFF)
        assert shown is not None
        told = manifest_of(connection, shown, BASE).decode()
    return {source for source in ("letter", "diary", "hearsay") if source in told}


@pytest.mark.parametrize("recorded", [True, False])
def test_the_manifest_tells_the_hints_that_the_colorization_followed(
    archive: Archive, recorded: bool
) -> None:
    first = archive.add("1987.1")
    followed = give(archive, first, "letter")
    withdraw(archive, give(archive, first, "hearsay"))
    second = archive.add("1987.1", take=1)
    give(archive, first, "diary")
    withdraw(archive, followed)
    archive.add_provenance(second)
    if not recorded:
        with archive.engine.begin() as connection:
            connection.execute(delete(event_agents))
            connection.execute(delete(events))
    assert sources(archive) == {"letter"}


def test_a_photograph_without_color_followed_no_hints(archive: Archive) -> None:
    photograph = archive.add("1987.1")
    give(archive, photograph, "letter")
    archive.add("1987.1", take=1)
    assert sources(archive) == {"letter"}
    with archive.engine.begin() as connection:
        restored = derivatives.of_scan(connection, photograph.scan_id, "restoration")[-1]
        reviews.open_review(connection, restored.id)
    assert sources(archive) == set()


def test_hint_colors_are_shown_as_srgb() -> None:
    from skimage.color import lab2rgb

    expected = [round(float(v) * 255) for v in lab2rgb([[[60.0, 5.0, -30.0]]])[0, 0]]
    given = hint_color(5, -30).removeprefix("#")
    assert [int(given[n : n + 2], 16) for n in (0, 2, 4)] == pytest.approx(expected, abs=1)
