"""What archivists find, choose and decide at one stroke."""

from __future__ import annotations

import html
import re

import httpx
import pytest
from sqlalchemy import update

from catalog.schema import ReviewState, reviews
from tests.catalog.iiif.archive import Archive, Photograph
from tests.catalog.web.conftest import Client
from tests.catalog.web.test_staff import state_of

HOME = "/heliochrome"


@pytest.fixture
def eight(archive: Archive) -> list[Photograph]:
    return [archive.add(f"1987.{number}", title=f"Pier <{number}>") for number in range(8)]


def numbers(archive: Archive, photographs: list[Photograph]) -> list[int]:
    return [archive.review(photograph).id for photograph in photographs]


def confirm(staff: Client, chosen: list[int], decision: str) -> httpx.Response:
    return staff.post(f"{HOME}/selection/", data={"review": chosen, "decision": decision, "place": "q=pier"})


def test_a_confirmation_names_the_number_and_shows_the_least_sure(
    archive: Archive, staff: Client, eight: list[Photograph]
) -> None:
    for number, photograph in enumerate(eight):
        with archive.engine.begin() as connection:
            of_scan = update(reviews).where(reviews.c.scan_id == photograph.scan_id)
            connection.execute(of_scan.values(confidence=0.9 - number / 10))
    page = confirm(staff, numbers(archive, eight), "approved").text
    assert "Approve and publish 8 photographs?" in page
    shown = re.findall(r'class="accession">([^<]+)<', page)
    assert shown == [f"1987.{number}" for number in (7, 6, 5, 4, 3, 2)]
    assert {state_of(archive, one) for one in eight} == {ReviewState.PENDING}


def test_what_is_confirmed_is_decided_and_undone_at_one_stroke(
    archive: Archive, staff: Client, public: Client, eight: list[Photograph]
) -> None:
    page = confirm(staff, numbers(archive, eight[:5]), "approved").text
    seen = re.findall(r'name="seen" value="([^"]+)"', page)
    answer = staff.post(
        f"{HOME}/reviews/decisions", data={"seen": seen, "decision": "approved", "place": "q=pier"}
    )
    assert answer.status_code == 303
    assert {state_of(archive, one) for one in eight[:5]} == {ReviewState.APPROVED}
    assert state_of(archive, eight[5]) is ReviewState.PENDING
    back = staff.get(answer.headers["location"]).text
    assert "5 photographs approved" in back
    (undo,) = set(re.findall(r'action="([^"]+/batches/[^"]+/undo)"', back))
    assert staff.post(undo, data={"place": "q=pier"}).headers["location"] == f"{HOME}/?q=pier"
    assert {state_of(archive, one) for one in eight} == {ReviewState.PENDING}
    assert "1987" not in public.get("/").text
    again = staff.post(undo, data={"place": "q=pier"}, headers={"Accept": "application/json"})
    assert again.json() == {"next": f"{HOME}/?q=pier"}


def test_who_was_faster_is_told_and_the_others_are_decided(
    archive: Archive, staff: Client, eight: list[Photograph]
) -> None:
    seen = re.findall(
        r'name="seen" value="([^"]+)"', confirm(staff, numbers(archive, eight), "rejected").text
    )
    archive.decide(eight[3], ReviewState.APPROVED)
    form = {"seen": seen, "decision": "rejected", "reason": "blurred"}
    answer = staff.post(f"{HOME}/reviews/decisions", data=form)
    assert answer.status_code == 409
    assert "1 not saved, 7 saved" in answer.text
    assert "approved by M. Archivist meanwhile" in answer.text
    assert state_of(archive, eight[3]) is ReviewState.APPROVED
    assert {state_of(archive, one) for one in eight[4:]} == {ReviewState.REJECTED}


def test_a_reason_is_needed_for_all_as_for_one(
    archive: Archive, staff: Client, eight: list[Photograph]
) -> None:
    form = {"seen": ["1:0", "2:0"], "decision": "rejected"}
    assert staff.post(f"{HOME}/reviews/decisions", data=form).status_code == 400
    assert state_of(archive, eight[0]) is ReviewState.PENDING


def test_many_are_sent_back_as_what_they_are(
    archive: Archive, staff: Client, eight: list[Photograph]
) -> None:
    assert "All these scans are" in confirm(staff, numbers(archive, eight[:2]), "returned").text
    form = {"seen": ["1:0", "2:0"], "decision": "returned", "reason": "they have colors"}
    refused = staff.post(f"{HOME}/reviews/decisions", data=form)
    assert (refused.status_code, refused.text.count("nothing has been said")) == (409, 2)
    assert {state_of(archive, one) for one in eight} == {ReviewState.PENDING}
    assert staff.post(f"{HOME}/reviews/decisions", data=form | {"kind": "color"}).status_code == 303
    assert [state_of(archive, one) for one in eight[:3]] == [
        ReviewState.RETURNED,
        ReviewState.RETURNED,
        ReviewState.PENDING,
    ]


@pytest.mark.parametrize("seen", [["1"], ["1:x"], ["0:0"], ["1:0"] * 501, ["9" * 40 + ":0"]])
def test_selections_that_cannot_be_are_refused(staff: Client, seen: list[str]) -> None:
    form = {"seen": seen, "decision": "approved"}
    assert staff.post(f"{HOME}/reviews/decisions", data=form).status_code == 422
    assert confirm(staff, [], "approved").status_code == 422
    assert confirm(staff, [999], "approved").status_code == 404


def test_the_queue_is_searched_and_filtered_in_its_address(archive: Archive, staff: Client) -> None:
    archive.add("1987.1", title="Harbor at dawn")
    archive.add("1987.2", title="Pier")
    page = staff.get(f"{HOME}/?q=hArbor&sureness=high&wear=little").text
    assert "1987.1" in page
    assert "1987.2" not in page
    (card,) = re.findall(r'<a href="([^"]*photographs/1987.1/[^"]*)"', page)
    assert html.unescape(card).endswith("?q=hArbor&sureness=high&wear=little&review=1")
    assert "1987.1" not in staff.get(f"{HOME}/?q=harbor&sureness=low").text
    assert "1987.1" not in staff.get(f"{HOME}/?kind=negative").text
    for wrong in ("sureness=odd", "wear=9", "kind=x", f"q={'x' * 201}", "unanswered=maybe"):
        assert staff.get(f"{HOME}/?{wrong}").status_code == 422


def test_the_dashboard_counts(archive: Archive, staff: Client) -> None:
    archive.decide(archive.add("1987.1"), ReviewState.RETURNED, "coat")
    archive.add("1987.2")
    page = staff.get(f"{HOME}/").text
    tally = dict(re.findall(r"<dt>([^<]+)</dt><dd>(?:<a[^>]*>)?(\d+)", page))
    assert tally == {
        "waiting": "1",
        "decided today": "1",
        "sent back, not redone": "1",
        "scans in trouble": "0",
    }
    assert "<td>M. Archivist</td><td>1</td><td>1</td>" in page
    assert "1987.1" in staff.get(f"{HOME}/?state=returned&unanswered=true").text


def test_everybody_searches_what_they_may_see(
    archive: Archive, staff: Client, public: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import html_pages

    monkeypatch.setattr(html_pages, "PER_PAGE", 1)
    archive.decide(archive.add("1987.1", title="Harbor & sea"), ReviewState.APPROVED)
    archive.add("1987.2", title="Harbor at night")
    found = public.get("/?q=harbor").text
    assert "Harbor &amp; sea" in found
    assert "at night" not in found
    assert "More photographs" not in found
    first = staff.get(f"{HOME}/all/?q=harbor").text
    assert "/all/?q=harbor&amp;page=1" in first
    pages = first + staff.get(f"{HOME}/all/?q=harbor&page=1").text
    assert {"1987.1", "1987.2"} <= set(re.findall(r"1987\.\d", pages))
    assert "None has these words" in public.get("/?q=%3Cscript%3E").text
    assert "<script>" not in public.get("/?q=%3Cscript%3E").text
    assert public.get("/?q=harbor&page=-1").status_code == 422
    assert public.get("/?q=%00").status_code == 400
