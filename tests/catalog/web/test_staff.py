"""What archivists see and decide, and who may not."""

from __future__ import annotations

import html
import json
import re

import httpx
import pytest

from catalog import given_hints, kinds, reviews
from catalog.schema import ReviewState
from imaging.errors import OptionsError
from imaging.scan_kind import ScanKind
from imaging.stage import Role
from tests.catalog.iiif.archive import ARCHIVIST, Archive, Photograph
from tests.catalog.web.conftest import BASE, Client

HINT = {"x": 0.5, "y": 0.25, "color": "#1b3a5e", "source": "letter of 1912", "citation": "fol. 2"}

WRITES = [
    "/reviews/1/decision",
    "/reviews/decisions",
    "/decisions/1/undo",
    "/batches/00000000-0000-4000-8000-000000000000/undo",
    "/selection/",
    "/hints/1/withdrawal",
    "/scans/1/kind",
    "/objects/1/coloring",
]


def decide(client: Client, review: int, decision: str, **form: object) -> httpx.Response:
    return client.post(
        f"/heliochrome/reviews/{review}/decision", data={"decision": decision, "revision": 0, **form}
    )


def state_of(archive: Archive, photograph: Photograph) -> ReviewState:
    return archive.review(photograph).state


def test_every_route_asks_who_is_there(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    del staff.headers["authorization"]
    paths = [
        "/",
        "/all/",
        "/collections/harbor/",
        "/photographs/1987.1/",
        "/photographs/1987.1/thumbnail.jpg",
        "/decisions/",
        "/iiif/manifests/1987.1/manifest.json",
        "/iiif/collections/collection.json",
        "/iiif/discovery/activity.json",
        "/iiif/search/harbor",
        f"/iiif/3/{photograph.digests[Role.COLORIZED]}/info.json",
        f"/masters/{photograph.digests[Role.COLORIZED]}",
    ]
    assert {staff.get(f"/heliochrome{path}").status_code for path in paths} == {401}
    assert {staff.post(f"/heliochrome{path}").status_code for path in WRITES} == {401}
    assert staff.get("/heliochrome/openapi.json").status_code == 404


def test_reading_is_not_deciding(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    staff.headers["authorization"] = "Bearer reader"
    assert staff.get("/heliochrome/photographs/1987.1/").status_code == 200
    assert decide(staff, archive.review(photograph).id, "approved").status_code == 403
    assert {staff.post(f"/heliochrome{path}").status_code for path in WRITES} == {403}
    assert state_of(archive, photograph) is ReviewState.PENDING


def test_the_table_of_writes_is_whole(staff: Client) -> None:
    (mount,) = (route for route in staff.app.routes if getattr(route, "path", "") == "/heliochrome")
    posts = [route.path for route in mount.routes if "POST" in (getattr(route, "methods", None) or ())]
    listed = {re.sub(r"/(\d+|[0-9a-f-]{36})/", "/{number}/", path) for path in WRITES}
    assert {path.replace("{batch}", "{number}") for path in posts} == listed


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_other_sites_cannot_decide(archive: Archive, staff: Client, headers: dict[str, str]) -> None:
    photograph = archive.add("1987.1")
    staff.headers |= headers
    assert decide(staff, archive.review(photograph).id, "approved").status_code == 403
    assert state_of(archive, photograph) is ReviewState.PENDING


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin", "Origin": "https://museum.example"}, {"Sec-Fetch-Site": "none"}],
)
def test_a_proxy_that_names_another_host_keeps_nobody_from_deciding(
    archive: Archive, staff: Client, headers: dict[str, str]
) -> None:
    photograph = archive.add("1987.1")
    staff.headers |= headers | {"Host": "airflow:8080"}
    assert decide(staff, archive.review(photograph).id, "rejected", reason="blurred").status_code < 400
    assert state_of(archive, photograph) is ReviewState.REJECTED


def test_the_queue_shows_what_waits(archive: Archive, staff: Client) -> None:
    archive.add("1987.1", title="Harbor", collection="harbor")
    archive.decide(archive.add("1987.2", title="Pier"), ReviewState.APPROVED)
    page = staff.get("/heliochrome/").text
    assert "Harbor" in page
    assert "Pier" not in page
    assert "80 %" in page
    assert "Pier" in staff.get("/heliochrome/?state=approved&order=damage").text
    assert "Harbor" in staff.get("/heliochrome/?collection=harbor").text
    assert staff.get("/heliochrome/?after=nonsense").status_code == 400
    assert staff.get("/heliochrome/?state=lost").status_code == 422


def test_the_grid_of_all_photographs_is_linked_and_paged(
    archive: Archive, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import html_pages

    monkeypatch.setattr(html_pages, "PER_PAGE", 1)
    for number in range(2):
        archive.add(f"1987.{number}")
    assert 'href="/heliochrome/all/"' in staff.get("/heliochrome/").text
    following = "/heliochrome/all/?after=1987.0"
    assert f'href="{following}"' in staff.get("/heliochrome/all/").text
    assert "1987.1" in staff.get(following).text


def test_approval_publishes(archive: Archive, staff: Client, public: Client) -> None:
    photograph = archive.add("1987.1")
    response = decide(staff, archive.review(photograph).id, "approved")
    home = "/heliochrome/photographs/1987.1/?decided=1"
    assert (response.status_code, response.headers["location"]) == (303, home)
    assert state_of(archive, photograph) is ReviewState.APPROVED
    assert archive.review(photograph).reviewer == "A. Rchivist"
    assert public.get("/iiif/manifests/1987.1/manifest.json").status_code == 200


def test_a_return_keeps_hints_with_their_sources(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    review = archive.review(photograph).id
    assert decide(staff, review, "returned", reason="coat", hints=json.dumps([HINT])).status_code == 303
    with archive.engine.connect() as connection:
        (hint,) = given_hints.standing(connection, photograph.scan_id)
    assert (hint.x, hint.y, hint.source, hint.citation) == (0.5, 0.25, "letter of 1912", "fol. 2")
    assert hint.b < -15
    page = staff.get("/heliochrome/photographs/1987.1/").text
    assert "letter of 1912, fol. 2" in page
    assert re.search(r'fill="#[0-9a-f]{6}"', page)


@pytest.mark.parametrize("color", ["#2050c0", "#FFD700", "#000000"])
def test_a_color_is_kept_and_quoted_exactly_as_it_was_given(
    archive: Archive, staff: Client, public: Client, color: str
) -> None:
    photograph = archive.add("1987.1")
    sent = json.dumps([HINT | {"color": color, "radius": 0.05}])
    assert decide(staff, 1, "returned", reason="coat", hints=sent).status_code == 303
    assert f"<code>{color}</code> letter of 1912" in staff.get("/heliochrome/photographs/1987.1/").text
    with archive.engine.connect() as connection:
        (hint,) = given_hints.standing(connection, photograph.scan_id)
    assert (hint.color, hint.radius) == (color, 0.05)
    # Black has no chroma, gold and blue have.
    assert (abs(hint.a) < 0.01 and abs(hint.b) < 0.01) is (color == "#000000")
    archive.decide(archive.add("1987.1", take=1), ReviewState.APPROVED)
    manifest = public.get("/iiif/manifests/1987.1/manifest.json").text
    assert f"Color {color} according to: letter of 1912, fol. 2" in manifest


def test_what_would_come_back_the_same_is_not_sent_back(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    refused = decide(staff, 1, "returned", reason="the coat is blue")
    assert refused.status_code == 409
    assert "nothing has been said that a new version could follow" in refused.text
    assert state_of(archive, photograph) is ReviewState.PENDING
    assert decide(staff, 1, "returned", hints=json.dumps([HINT])).status_code == 409
    with archive.engine.connect() as connection:
        assert given_hints.standing(connection, photograph.scan_id) == ()
    assert decide(staff, 1, "returned", reason="it has colors", kind="color").status_code == 303
    with archive.engine.connect() as connection:
        known = kinds.treatment(connection, photograph.scan_id).known
    assert known is not None
    assert known.kind is ScanKind.COLOR


def test_what_was_said_before_is_enough_to_send_back(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    given(archive, photograph)
    assert decide(staff, 1, "returned", reason="see the hint").status_code == 303
    assert state_of(archive, photograph) is ReviewState.RETURNED


def given(archive: Archive, photograph: Photograph) -> int:
    """Give the coat of a photograph its color; return the hint's number."""
    coat = given_hints.Hint(x=0.5, y=0.25, radius=0.1, a=5, b=-30, source="letter of 1912")
    with archive.engine.begin() as connection:
        given_hints.give(connection, photograph.scan_id, [coat], ARCHIVIST)
        (hint,) = given_hints.standing(connection, photograph.scan_id)
    return hint.id


def test_a_hint_can_be_withdrawn_from_the_page(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    path = f"/heliochrome/hints/{given(archive, photograph)}/withdrawal"
    home = "/heliochrome/photographs/1987.1/"
    assert f'action="{path}"' in staff.get(home).text
    for _ in ("once", "again"):
        response = staff.post(path)
        assert (response.status_code, response.headers["location"]) == (303, home)
    assert "letter of 1912" not in staff.get(home).text
    with archive.engine.connect() as connection:
        assert given_hints.standing(connection, photograph.scan_id) == ()
        (kept,) = given_hints.of_scan(connection, photograph.scan_id)
    assert kept.withdrawn_at is not None
    assert (kept.author, kept.withdrawn_by) == (ARCHIVIST.name, "A. Rchivist")
    assert staff.post("/heliochrome/hints/999999/withdrawal").status_code == 409


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer reader"}, {"Origin": "https://evil.example"}])
def test_withdrawing_a_hint_is_deciding(archive: Archive, staff: Client, headers: dict[str, str]) -> None:
    photograph = archive.add("1987.1")
    hint = given(archive, photograph)
    assert staff.post(f"/heliochrome/hints/{hint}/withdrawal", headers=headers).status_code == 403
    with archive.engine.connect() as connection:
        assert given_hints.standing(connection, photograph.scan_id)


@pytest.mark.parametrize(
    "sent",
    [
        "nonsense",
        "{}",
        json.dumps([HINT | {"source": " "}]),
        json.dumps([HINT | {"source": "letter\0"}]),
        json.dumps([HINT | {"x": 1.5}]),
        json.dumps([HINT | {"radius": 1e-9}]),
        json.dumps([HINT | {"color": "blue"}]),
        json.dumps([HINT | {"more": 1}]),
        json.dumps([HINT] * 201),
    ],
)
def test_hints_that_cannot_be_are_refused(archive: Archive, staff: Client, sent: str) -> None:
    photograph = archive.add("1987.1")
    response = decide(staff, archive.review(photograph).id, "returned", reason="coat", hints=sent)
    assert response.status_code == 400
    assert state_of(archive, photograph) is ReviewState.PENDING


def test_a_decision_needs_its_reason_and_the_present_state(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    review = archive.review(photograph).id
    assert decide(staff, review, "rejected").status_code == 409
    assert decide(staff, review, "rejected", reason="blurred").status_code == 303
    again = decide(staff, review, "approved")
    assert again.status_code == 409
    assert "meanwhile" in again.text
    assert decide(staff, 999_999, "approved").status_code == 409


def test_a_reason_with_nul_is_refused_before_the_database(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    assert decide(staff, archive.review(photograph).id, "rejected", reason="blurred\0").status_code == 422
    assert state_of(archive, photograph) is ReviewState.PENDING
    assert staff.get("/heliochrome/?collection=%00").status_code == 400


def test_the_page_offers_only_what_can_be_decided(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    page = staff.get("/heliochrome/photographs/1987.1/").text
    assert 'value="approved"' in page
    archive.decide(photograph, ReviewState.REJECTED, "blurred")
    page = staff.get("/heliochrome/photographs/1987.1/").text
    assert 'value="approved"' not in page
    assert 'value="pending"' in page
    assert "blurred" in page
    assert "M. Archivist" in page


def test_what_the_public_sees_can_be_withdrawn_though_a_newer_version_is_shown(
    archive: Archive, staff: Client, public: Client
) -> None:
    first = archive.add("1987.1")
    archive.decide(first, ReviewState.APPROVED)
    archive.decide(archive.add("1987.1", take=1), ReviewState.REJECTED, "blurred")
    page = staff.get("/heliochrome/photographs/1987.1/").text
    approved = archive.review(first)
    forms = page.split("<form")
    (form,) = (form for form in forms if f"/reviews/{approved.id}/decision" in form)
    assert re.findall(r'name="decision" value="(\w+)"', form) == ["returned", "rejected"]
    assert 'value="pending"' in page
    sent = decide(staff, approved.id, "rejected", reason="withdrawn", revision=approved.revision)
    assert sent.status_code == 303
    assert public.get("/photographs/1987.1/").status_code == 404


def test_what_waits_is_offered_beside_what_the_public_sees(archive: Archive, staff: Client) -> None:
    first = archive.add("1987.1")
    archive.decide(archive.add_provenance(first), ReviewState.APPROVED)
    waiting = archive.add_provenance(archive.add("1987.1", take=1))
    retitled = archive.add_provenance(first, {"@id": "urn:retitled"})
    page = staff.get("/heliochrome/photographs/1987.1/").text
    offered = [int(number) for number in re.findall(r"/reviews/(\d+)/decision", page)]
    assert offered == [archive.review(waiting).id, archive.review(retitled).id]
    assert decide(staff, offered[0], "approved").status_code == 303
    assert state_of(archive, retitled) is ReviewState.SUPERSEDED


def test_staff_see_every_picture_and_all_that_was_done(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    page = staff.get("/heliochrome/photographs/1987.1/").text
    for digest in photograph.digests.values():
        assert f"/heliochrome/iiif/3/{digest}/info.json" in page
        response = staff.get(f"/heliochrome/iiif/3/{digest}/full/100,/0/default.jpg")
        assert response.status_code == 200
        assert response.headers["cache-control"].startswith("private")
        assert "access-control-allow-origin" not in response.headers
    info = staff.get(f"/heliochrome/iiif/3/{photograph.digests[Role.COLORIZED]}/info.json").json()
    assert info["id"].startswith(f"{BASE}/heliochrome/iiif/3/")
    assert "heliochrome-color" in page
    assert "restoration" in page
    assert "<dt>damage share</dt><dd>5 %</dd>" in page


def test_those_who_may_not_decide_see_no_buttons(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    given(archive, photograph)
    archive.decide(archive.add("1987.2"), ReviewState.REJECTED, "blurred")
    pages = ["/", "/decisions/", "/photographs/1987.1/", "/photographs/1987.2/?decided=1"]
    forms = '<form[^>]*method="post"[^>]*action="([^"]*)"'
    texts = [staff.get(f"/heliochrome{page}").text for page in pages]
    assert len({path for text in texts for path in re.findall(forms, text)}) >= 6
    staff.headers["authorization"] = "Bearer reader"
    for page in pages:
        text = staff.get(f"/heliochrome{page}").text
        assert re.findall(forms, text) == [], page
        assert 'name="decision"' not in text
        assert 'name="review"' not in text
    assert "blurred" in staff.get("/heliochrome/photographs/1987.2/").text


def test_a_refused_decision_shows_what_was_typed(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    archive.decide(photograph, ReviewState.APPROVED)
    staff.headers["accept"] = "text/html"
    page = decide(staff, 1, "returned", reason="the <coat> is blue", hints=json.dumps([HINT]))
    assert page.status_code == 409
    assert "approved by M. Archivist meanwhile" in page.text
    assert "the &lt;coat&gt; is blue" in page.text
    assert "letter of 1912" in page.text


def test_what_was_found_is_drawn_over_the_photograph(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    given(archive, photograph)
    page = staff.get("/heliochrome/photographs/1987.1/").text
    (written,) = re.findall(r'data-overlays="([^"]*)"', page)
    overlays = json.loads(html.unescape(written))
    assert overlays["regions"] == [{"kind": "dust", "mended": True, "polygon": [[5, 5], [9, 5], [9, 9]]}]
    assert (overlays["width"], overlays["height"]) == (700, 500)
    (hint,) = overlays["hints"]
    assert (hint["x"], hint["y"], hint["radius"], hint["source"]) == (0.5, 0.25, 0.1, "letter of 1912")
    assert len(overlays["colors"]) == 256
    assert photograph.digests[Role.CONFIDENCE] in overlays["confidence"]
    assert staff.get(overlays["confidence"]).status_code == 200


def test_two_archivists_at_once(archive: Archive, staff: Client) -> None:
    photograph = archive.add("1987.1")
    with archive.engine.connect() as connection:
        seen = reviews.of_version(connection, photograph.version_id).revision
    archive.decide(photograph, ReviewState.APPROVED)
    review = archive.review(photograph).id
    late = decide(staff, review, "rejected", reason="no", revision=seen)
    assert late.status_code == 409
    assert state_of(archive, photograph) is ReviewState.APPROVED


def test_colors_that_are_no_colors_are_refused_before_the_database() -> None:
    from catalog.web.placed_hints import read_hints

    with pytest.raises(OptionsError):
        read_hints('[{"x": NaN}]')
