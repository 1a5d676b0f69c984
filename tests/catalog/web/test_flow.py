"""From one photograph to the next: the queue's place in addresses, what follows a decision, undoing."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from catalog import given_hints
from catalog.schema import ReviewState
from tests.catalog.iiif.archive import Archive, Photograph
from tests.catalog.web.conftest import Client
from tests.catalog.web.test_staff import decide, state_of

HOME = "/heliochrome"
JSON = {"Accept": "application/json"}


@pytest.fixture
def three(archive: Archive) -> list[Photograph]:
    """Three photographs of one collection and one outside of it, in the order of their arrival."""
    return [archive.add(f"1987.{number}", collection="harbor" if number else None) for number in range(4)][1:]


def links(page: httpx.Response, way: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(f'href="([^"]*)"[^>]* data-way="{way}"', page.text)]


def place(number: int) -> str:
    return f"order=arrival&collection=harbor&review={number}"


@pytest.mark.usefixtures("three")
def test_the_queue_leads_in_and_photographs_lead_on_as_it_is_filtered_and_ordered(staff: Client) -> None:
    queue = staff.get(f"{HOME}/?order=arrival&collection=harbor")
    ways = [html.unescape(way) for way in re.findall(r'<a href="([^"]*photographs[^"]*)"', queue.text)]
    assert ways == [f"{HOME}/photographs/1987.{n}/?{place(n + 1)}" for n in (1, 2, 3)]
    first, second, third = (staff.get(way) for way in ways)
    assert (links(first, "previous"), links(first, "next")) == ([], [ways[1]])
    assert (links(second, "previous"), links(second, "next")) == ([ways[0]], [ways[2]])
    assert (links(third, "previous"), links(third, "next")) == ([ways[1]], [])
    (back,) = links(second, "queue")
    shown = staff.get(back).text
    assert "1987.1" not in shown
    assert "1987.2" in shown
    assert "Previous page" in shown


@pytest.mark.usefixtures("three")
def test_after_a_decision_comes_the_next_and_at_the_end_the_queue(staff: Client) -> None:
    second = decide(staff, 3, "approved", place=place(3))
    assert second.headers["location"] == f"{HOME}/photographs/1987.3/?{place(4)}&decided=1"
    page = staff.get(second.headers["location"]).text
    assert "“Photograph 1987.2” (1987.2) approved" in page
    assert f'action="{HOME}/decisions/1/undo"' in page
    last = decide(staff, 4, "approved", place=place(4))
    assert last.headers["location"] == f"{HOME}/?order=arrival&collection=harbor&decided=2"
    assert "(1987.3) approved" in staff.get(last.headers["location"]).text


@pytest.mark.usefixtures("three")
def test_scripts_are_told_what_comes_next_and_how_to_undo(staff: Client) -> None:
    answer = staff.post(
        f"{HOME}/reviews/3/decision",
        data={"decision": "rejected", "revision": 0, "reason": "blurred", "place": place(3)},
        headers=JSON,
    )
    assert answer.json() == {
        "next": f"{HOME}/photographs/1987.3/?{place(4)}",
        "said": "“Photograph 1987.2” (1987.2) rejected",
        "undo": f"{HOME}/decisions/1/undo",
    }
    again = staff.post(
        f"{HOME}/reviews/3/decision", data={"decision": "approved", "revision": 0}, headers=JSON
    )
    assert again.status_code == 409
    assert "rejected by A. Rchivist meanwhile" in again.json()["detail"]


def test_a_decision_about_another_review_of_the_page_stays_there(
    archive: Archive, staff: Client, three: list[Photograph]
) -> None:
    archive.decide(three[0], ReviewState.APPROVED)
    review = archive.review(three[0])
    answer = decide(
        staff, review.id, "rejected", reason="blurred", revision=review.revision, place=place(999)
    )
    assert answer.headers["location"] == f"{HOME}/photographs/1987.1/?{place(999)}&decided=2"


def test_undoing_leads_back_to_the_photograph_as_it_was(
    archive: Archive, staff: Client, three: list[Photograph]
) -> None:
    hint = '[{"x": 0.5, "y": 0.5, "color": "#1b3a5e", "source": "letter"}]'
    decide(staff, 3, "returned", reason="coat", hints=hint, place=place(3))
    back = staff.post(f"{HOME}/decisions/1/undo", data={"place": place(4)})
    assert (back.status_code, back.headers["location"]) == (303, f"{HOME}/photographs/1987.2/?{place(3)}")
    assert state_of(archive, three[1]) is ReviewState.PENDING
    with archive.engine.connect() as connection:
        assert given_hints.standing(connection, three[1].scan_id) == ()
    assert staff.post(f"{HOME}/decisions/1/undo").status_code == 409
    assert staff.post(f"{HOME}/decisions/999/undo", headers=JSON).status_code == 409


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer reader"}, {"Origin": "https://evil.example"}])
def test_undoing_is_deciding(
    archive: Archive, staff: Client, three: list[Photograph], headers: dict[str, str]
) -> None:
    archive.decide(three[0], ReviewState.APPROVED)
    assert staff.post(f"{HOME}/decisions/1/undo", headers=headers).status_code == 403
    assert state_of(archive, three[0]) is ReviewState.APPROVED


def test_the_history_tells_who_decided_what_and_undoes_what_stands(
    archive: Archive, staff: Client, three: list[Photograph]
) -> None:
    archive.decide(three[0], ReviewState.REJECTED, "blurred <badly>")
    archive.decide(three[1], ReviewState.APPROVED)
    staff.post(f"{HOME}/decisions/2/undo")
    page = staff.get(f"{HOME}/decisions/").text
    assert "blurred &lt;badly&gt;" in page
    assert "undone by A. Rchivist" in page
    assert re.findall(r"/decisions/(\d+)/undo\"", page) == ["1"]
    photograph = staff.get(f"{HOME}/photographs/1987.1/").text
    assert "Rejected by M. Archivist" in photograph
    assert f'action="{HOME}/decisions/1/undo"' in photograph


@pytest.mark.parametrize(
    "given", ["state=lost", "order=size", "review=x", "review=99999999999999999999", "collection=%00"]
)
def test_places_that_cannot_be_are_refused(staff: Client, three: list[Photograph], given: str) -> None:
    assert decide(staff, 2, "approved", place=given).status_code == 400
    assert staff.get(f"{HOME}/photographs/1987.1/?{given}").status_code in {400, 422}


def test_a_place_elsewhere_leads_nowhere_else(staff: Client, three: list[Photograph]) -> None:
    answer = decide(staff, 2, "approved", place="next=https://evil.example/&review=2")
    assert answer.headers["location"].startswith(f"{HOME}/photographs/")
