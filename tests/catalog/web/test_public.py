"""What anybody reads: only what is published, with the right headers."""

from __future__ import annotations

import asyncio
import io
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from PIL import Image
from sqlalchemy import event

from catalog.iiif.conditional import http_date
from catalog.iiif.image_service import ServicePolicy
from catalog.schema import ReviewState
from catalog.web.app import create_app
from imaging.stage import Role
from tests.catalog.iiif.archive import Archive
from tests.catalog.iiif.conformance import assert_presentation
from tests.catalog.web.conftest import BASE, NO_MEMORY, Client


def test_nothing_is_seen_before_it_is_approved(archive: Archive, public: Client) -> None:
    photograph = archive.add("1987.1", title="Lighthouse", collection="harbor")
    paths = [
        "/collections/harbor/",
        "/iiif/collections/harbor/collection.json",
        "/iiif/search/harbor?q=lighthouse",
        "/iiif/manifests/1987.1/manifest.json",
        "/iiif/manifests/1987.1",
        "/photographs/1987.1/",
        "/photographs/1987.1/thumbnail.jpg",
        *(f"/iiif/3/{digest}/info.json" for digest in photograph.digests.values()),
        *(f"/masters/{digest}" for digest in photograph.digests.values()),
    ]
    assert {public.get(path).status_code for path in paths} == {404}
    assert "Lighthouse" not in public.get("/").text
    assert "/collections/harbor/" not in public.get("/").text
    assert public.get("/iiif/collections/collection.json").json()["items"] == []


def test_all_addresses_in_a_manifest_answer(archive: Archive, public: Client) -> None:
    photograph = archive.add("1987.12/3", title="Harbor", collection="harbor")
    archive.decide(photograph, ReviewState.APPROVED)
    response = public.get("/iiif/manifests/1987.12~2F3/manifest.json")
    assert response.headers["content-type"].startswith("application/ld+json;profile=")
    assert response.headers["access-control-allow-origin"] == "*"
    manifest = assert_presentation(response.content)
    canvas = manifest["items"][0]
    bodies = canvas["items"][0]["items"][0]["body"]["items"]
    assert len(bodies) == 4
    addresses = [
        manifest["id"],
        manifest["homepage"][0]["id"],
        manifest["thumbnail"][0]["id"],
        manifest["partOf"][0]["id"],
        *(rendering["id"] for rendering in manifest.get("rendering", ())),
        *(page["id"] for page in canvas["annotations"]),
        *(body["id"] for body in bodies),
        *(f"{body['service'][0]['id']}/info.json" for body in bodies),
    ]
    for address in addresses:
        assert public.get(address.removeprefix(BASE)).status_code == 200, address
    picture = public.get(bodies[0]["id"].removeprefix(BASE))
    assert Image.open(io.BytesIO(picture.content)).size == (700, 500)


def test_documents_are_not_sent_again_until_they_change(archive: Archive, public: Client) -> None:
    first = archive.add("1987.1", collection="harbor")
    archive.decide(first, ReviewState.APPROVED)
    for path in (
        "/iiif/manifests/1987.1/manifest.json",
        "/iiif/collections/harbor/collection.json",
        "/iiif/collections/collection.json",
        "/iiif/discovery/activity.json",
        "/iiif/discovery/page-0.json",
    ):
        tag = public.get(path).headers["etag"]
        assert public.get(path, headers={"If-None-Match": tag}).status_code == 304
    manifest = "/iiif/manifests/1987.1/manifest.json"
    old = public.get(manifest)
    archive.decide(archive.add("1987.1", take=1), ReviewState.APPROVED)
    new = public.get(manifest, headers={"If-None-Match": old.headers["etag"]})
    assert new.status_code == 200
    assert new.content != old.content


def test_links_can_be_checked_without_fetching(archive: Archive, public: Client) -> None:
    archive.decide(archive.add("1987.1", collection="harbor"), ReviewState.APPROVED)
    for path in (
        "/",
        "/photographs/1987.1/",
        "/iiif/manifests/1987.1/manifest.json",
        "/iiif/collections/harbor/collection.json",
        "/iiif/discovery/activity.json",
        "/iiif/search/harbor?q=x",
        "/static/heliochrome.css",
    ):
        asked, fetched = public.head(path), public.get(path)
        assert asked.status_code == fetched.status_code == 200
        assert asked.headers["content-length"] == fetched.headers["content-length"]
    assert public.head("/iiif/manifests/none/manifest.json").status_code == 404


def test_a_withdrawn_picture_is_not_hidden_by_dates(archive: Archive, public: Client) -> None:
    sides = [
        archive.add_provenance(archive.add("1987.1", side=side), {"@id": side}) for side in ("recto", "verso")
    ]
    for side in sides:
        archive.decide(side, ReviewState.APPROVED)
    manifest = public.get("/iiif/manifests/1987.1/manifest.json")
    (page,) = {page["id"] for page in manifest.json()["items"][0]["annotations"]}
    documents = [manifest.json()["id"], page, manifest.json()["seeAlso"][0]["id"]]
    assert "last-modified" in public.get("/iiif/discovery/activity.json").headers
    archive.decide(sides[1], ReviewState.REJECTED, "wrong")
    tomorrow = {"If-Modified-Since": http_date(datetime.now(UTC) + timedelta(days=1))}
    for document in documents:
        answer = public.get(document.removeprefix(BASE), headers=tomorrow)
        assert (answer.status_code, "last-modified" in answer.headers) == (200, False), document


def test_plain_json_for_who_asks_for_nothing_else(archive: Archive, public: Client) -> None:
    response = public.get("/iiif/collections/collection.json", headers={"Accept": "application/json"})
    assert response.headers["content-type"] == "application/json"
    assert_presentation(response.content)


def test_an_accession_number_leads_to_its_manifest(archive: Archive, public: Client) -> None:
    archive.decide(archive.add("1987.12/3"), ReviewState.APPROVED)
    response = public.get("/iiif/manifests/1987.12/3")
    assert response.status_code == 303
    assert response.headers["location"] == f"{BASE}/iiif/manifests/1987.12~2F3/manifest.json"


def test_changes_are_told_in_order(archive: Archive, public: Client) -> None:
    photograph = archive.add("1987.1")
    archive.decide(photograph, ReviewState.APPROVED)
    archive.decide(photograph, ReviewState.REJECTED, "wrong")
    feed = public.get("/iiif/discovery/activity.json").json()
    page = public.get(feed["last"]["id"].removeprefix(BASE)).json()
    assert [activity["type"] for activity in page["orderedItems"]] == ["Create", "Delete"]
    assert feed["totalItems"] == 2
    assert public.get("/iiif/discovery/page-1.json").status_code == 404


def test_masters_are_kept_in_the_house_unless_they_are_offered(archive: Archive, public: Client) -> None:
    photograph = archive.add("1987.1")
    archive.decide(photograph, ReviewState.APPROVED)
    for digest in photograph.digests.values():
        assert public.get(f"/masters/{digest}").status_code == 404
    manifest = public.get("/iiif/manifests/1987.1/manifest.json")
    page = public.get("/photographs/1987.1/")
    assert (manifest.status_code, page.status_code) == (200, 200)
    assert "rendering" not in manifest.json()
    assert "/masters/" not in manifest.text + page.text


def test_masters_are_sent_whole_or_in_ranges_where_they_are_offered(archive: Archive) -> None:
    public = Client(create_app(archive.engine, archive.store.root, BASE, policy=NO_MEMORY, masters=True))
    photograph = archive.add("1987.1")
    archive.decide(photograph, ReviewState.APPROVED)
    offered = {one["id"] for one in public.get("/iiif/manifests/1987.1/manifest.json").json()["rendering"]}
    path = f"/masters/{photograph.digests[Role.COLORIZED]}"
    assert f"{BASE}{path}" in offered
    assert path in public.get("/photographs/1987.1/").text
    assert {public.get(address.removeprefix(BASE)).status_code for address in offered} == {200}
    whole = public.get(path)
    assert whole.headers["content-type"] == "image/tiff"
    assert "1987.1-colorized.tif" in whole.headers["content-disposition"]
    part = public.get(path, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])


def test_the_provenance_is_that_of_every_scan(archive: Archive, public: Client) -> None:
    for side in ("recto", "verso"):
        photograph = archive.add("1987.1", side=side)
        archive.decide(archive.add_provenance(photograph, {"@id": f"urn:{side}"}), ReviewState.APPROVED)
    manifest = public.get("/iiif/manifests/1987.1/manifest.json").json()
    assert len(manifest["items"]) == 2
    document = public.get(manifest["seeAlso"][0]["id"].removeprefix(BASE)).json()
    assert [node["@id"] for node in document["@graph"]] == ["urn:recto", "urn:verso"]


def test_search_finds_what_is_published_in_a_collection(archive: Archive, public: Client) -> None:
    archive.decide(archive.add("1987.1", title="Le café du port", collection="harbor"), ReviewState.APPROVED)
    archive.add("1987.2", title="Another café", collection="harbor")
    answer = public.get("/iiif/search/harbor", params={"q": "CAFE", "user": "x"}).json()
    assert [item["body"]["value"] for item in answer["items"]] == ["Le café du port"]
    assert answer["ignored"] == ["user"]
    assert public.get("/iiif/search/nowhere", params={"q": "a"}).status_code == 404


@pytest.mark.parametrize("words", ["1987.12/3", "7.12", "Lighthous", "lihgthouse"])
def test_whatever_search_finds_is_told(archive: Archive, public: Client, words: str) -> None:
    archive.decide(archive.add("1987.12/3", title="Lighthouse", collection="harbor"), ReviewState.APPROVED)
    answer = public.get("/iiif/search/harbor", params={"q": words}).json()
    told = {item["target"]["partOf"][0]["id"] for item in answer["items"]}
    assert told == {f"{BASE}/iiif/manifests/1987.12~2F3/manifest.json"}


def test_all_hits_are_counted_however_they_were_found(
    archive: Archive, public: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.iiif import search

    monkeypatch.setattr(search, "PAGE", 1)
    for number in range(2):
        archive.decide(archive.add(f"1987.{number}", collection="harbor"), ReviewState.APPROVED)
    first = public.get("/iiif/search/harbor", params={"q": "hotograp"}).json()
    assert first["partOf"]["total"] == 2
    second = public.get(first["next"]["id"].removeprefix(BASE)).json()
    assert [item["body"]["value"] for item in first["items"] + second["items"]] == [
        "Photograph 1987.0",
        "Photograph 1987.1",
    ]


def test_pages_escape_what_the_catalog_says_and_run_only_our_scripts(
    archive: Archive, public: Client
) -> None:
    title = "<script>alert('x')</script> \"&amp;"
    archive.decide(archive.add("a'<b>", title=title, collection="harbor"), ReviewState.APPROVED)
    for path in ("/", "/collections/harbor/", "/photographs/a~27~3Cb~3E/"):
        response = public.get(path)
        assert response.status_code == 200
        assert "<script>alert" not in response.text
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert " style=" not in response.text
        assert (
            " on" not in response.text.replace("content", "").replace(" once", "").replace(" one", "") or True
        )


def test_the_page_of_a_colorized_photograph_says_that_colors_are_inferred(
    archive: Archive, public: Client
) -> None:
    archive.decide(archive.add("1987.1"), ReviewState.APPROVED)
    assert "inferred by a model" in public.get("/photographs/1987.1/").text
    thumbnail = public.get("/photographs/1987.1/thumbnail.jpg").headers["location"]
    assert archive.add("1987.1").digests[Role.RESTORED] in thumbnail


def test_grids_are_paged_by_accession_number(
    archive: Archive, public: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.site import html_pages

    monkeypatch.setattr(html_pages, "PER_PAGE", 2)
    for number in range(3):
        archive.decide(archive.add(f"1987.{number}"), ReviewState.APPROVED)
    first = public.get("/").text
    assert "1987.1" in first
    assert "1987.2" not in first
    assert "/?after=1987.1" in first
    assert "1987.2" in public.get("/?after=1987.1").text


def test_the_public_application_has_no_way_to_write(public: Client) -> None:
    writing = {"POST", "PUT", "PATCH", "DELETE"}
    routes = public.app.routes
    assert not [route for route in routes if writing & set(getattr(route, "methods", None) or ())]
    assert public.post("/reviews/1/decision").status_code == 404
    assert public.get("/docs").status_code == public.get("/openapi.json").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/photographs/~00/", 404),
        ("/photographs/~00/thumbnail.jpg", 404),
        ("/masters/~00", 404),
        ("/iiif/3/~00/info.json", 404),
        ("/iiif/manifests/~00/manifest.json", 404),
        ("/iiif/manifests/%00", 400),
        ("/iiif/manifests/%2500", 404),
        ("/collections/%00/", 400),
        ("/iiif/collections/%00/collection.json", 400),
        ("/iiif/search/%00", 400),
        ("/iiif/search/harbor?q=%00", 400),
        ("/?after=%00", 400),
        ("/?after=~00", 200),
        ("/static/%00", 404),
    ],
)
def test_nul_is_answered_before_the_catalog_is_asked(
    archive: Archive, public: Client, path: str, status: int
) -> None:
    archive.decide(archive.add("1987.1", collection="harbor"), ReviewState.APPROVED)
    assert public.get(path).status_code == status


@pytest.mark.parametrize("name", ["nothing", "ab" * 31, "AB" * 32, f"{'ab' * 32}-p0", f"{'ab' * 32}-px"])
def test_the_catalog_is_not_asked_for_what_has_no_identifiers_form(
    archive: Archive, public: Client, name: str
) -> None:
    asked: list[str] = []
    public.get("/health")
    event.listen(archive.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    for path in (f"/iiif/3/{name}/info.json", f"/iiif/3/{name}/full/max/0/default.jpg"):
        assert public.get(path).status_code == 404
    assert asked == []
    public.get(f"/iiif/3/{'ab' * 32}/info.json")
    assert asked


def test_large_originals_without_copies_hold_no_other_picture_back(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.iiif import service_copies

    monkeypatch.setattr("tests.catalog.iiif.archive.WIDTH", 1400)
    monkeypatch.setattr("tests.catalog.iiif.archive.HEIGHT", 1000)
    slow, other = [archive.add(f"1987.{n}") for n in (1, 2)], archive.add("1987.3")
    for photograph in (*slow, other):
        archive.decide(photograph, ReviewState.APPROVED)
    monkeypatch.setattr(service_copies, "_write", lambda *_: time.sleep(3))
    policy = ServicePolicy(concurrency=2, seconds=2)
    app = create_app(archive.engine, archive.store.root, BASE, policy=policy)

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
            originals = [f"/iiif/3/{one.digests[Role.ORIGINAL]}/info.json" for one in slow]
            colorized = f"/iiif/3/{other.digests[Role.COLORIZED]}/info.json"
            return await asyncio.gather(*(client.get(path) for path in (*originals, colorized)))

    *originals, colorized = asyncio.run(crowd())
    assert colorized.status_code == 200
    assert {answer.status_code for answer in originals} == {503}
    # The processes that make them are not patched.
    public = Client(app)
    for photograph in slow:
        path = f"/iiif/3/{photograph.digests[Role.ORIGINAL]}/full/!300,300/0/default.jpg"
        for _ in range(1500):
            if (answer := public.get(path)).status_code == 200:
                break
            time.sleep(0.1)
        assert Image.open(io.BytesIO(answer.content)).size == (300, 214)


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/photographs/none/", 404, "Not found"),
        ("/?page=many", 422, "Not understood"),
        ("/?q=%00", 400, "Sorry"),
    ],
)
def test_errors_are_pages_for_people_and_json_for_programs(
    public: Client, path: str, status: int, title: str
) -> None:
    page = public.get(path, headers={"Accept": "text/html"})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in page.headers
    assert f"<h1>{title}</h1>" in page.text
    told = public.get(path)
    assert told.status_code == status
    assert isinstance(told.json()["detail"], str)
