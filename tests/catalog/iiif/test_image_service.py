"""The service as an HTTP citizen: headers, conditions, limits, and what it never does."""

from __future__ import annotations

import asyncio
import io
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.iiif.addresses import Addresses
from catalog.iiif.image_request import SizeLimits
from catalog.iiif.image_service import ImageService, ServedFile, ServicePolicy

BASE = "http://museum.example"
LIMITS = SizeLimits(max_width=1500, max_height=1500, max_area=1_500_000)


def answer(app: ImageService, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=named)

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def app(squares_pyramid: Path, grey_pyramid: Path) -> ImageService:
    files = {
        "squares": ServedFile(
            squares_pyramid,
            "0" * 64,
            modified=datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC),
            rights="https://creativecommons.org/publicdomain/mark/1.0/",
        ),
        "grey": ServedFile(grey_pyramid, "1" * 64),
    }
    return ImageService(files.get, Addresses(BASE), ServicePolicy(sizes=LIMITS, concurrency=2))


def test_information_tells_sizes_tiles_limits_and_rights(app: ImageService) -> None:
    response = answer(app, "/iiif/3/grey/info.json")
    info = response.json()
    assert response.headers["content-type"] == "application/json"
    assert info["id"] == f"{BASE}/iiif/3/grey"
    assert (info["width"], info["height"], info["profile"]) == (1301, 777, "level2")
    assert info["tiles"] == [{"width": 512, "height": 512, "scaleFactors": [1, 2, 4]}]
    assert {"width": 651, "height": 389} in info["sizes"]
    assert (info["maxWidth"], info["maxHeight"], info["maxArea"]) == (1500, 1500, 1_500_000)
    assert "rights" not in info
    assert answer(app, "/iiif/3/squares/info.json").json()["rights"].startswith("http://creativecommons")


def test_information_is_linked_data_for_who_asks(app: ImageService) -> None:
    response = answer(app, "/iiif/3/squares/info.json", accept="application/ld+json")
    assert response.headers["content-type"].startswith("application/ld+json")
    assert response.headers["vary"] == "Accept"


def test_every_listed_size_and_tile_can_be_had(app: ImageService) -> None:
    info = answer(app, "/iiif/3/grey/info.json").json()
    for size in info["sizes"]:
        response = answer(app, f"/iiif/3/grey/full/{size['width']},{size['height']}/0/default.jpg")
        assert Image.open(io.BytesIO(response.content)).size == (size["width"], size["height"])
    for factor in info["tiles"][0]["scaleFactors"]:
        side = 512 * factor
        for left in range(0, 1301, side):
            width, height = min(side, 1301 - left), min(side, 777)
            size = -(-width // factor), -(-height // factor)
            response = answer(
                app, f"/iiif/3/grey/{left},0,{width},{height}/{size[0]},{size[1]}/0/default.jpg"
            )
            assert Image.open(io.BytesIO(response.content)).size == size


def test_the_base_address_leads_to_the_information(app: ImageService) -> None:
    for path in ("/iiif/3/squares", "/iiif/3/squares/"):
        response = answer(app, path)
        assert (response.status_code, response.headers["location"]) == (
            303,
            f"{BASE}/iiif/3/squares/info.json",
        )


def test_links_name_the_canonical_form_and_the_profile(app: ImageService) -> None:
    link = answer(app, "/iiif/3/squares/pct:0,0,50,50/!100,100/0/color.jpg").headers["link"]
    assert f'<{BASE}/iiif/3/squares/0,0,500,500/100,100/0/default.jpg>;rel="canonical"' in link
    assert '<http://iiif.io/api/image/3/level2.json>;rel="profile"' in link


def test_a_good_copy_is_not_sent_again(app: ImageService) -> None:
    path = "/iiif/3/squares/full/100,/0/default.jpg"
    first = answer(app, path)
    assert first.headers["last-modified"] == "Sun, 01 Nov 2026 12:00:00 GMT"
    assert "max-age" in first.headers["cache-control"]
    tag = first.headers["etag"]
    again = answer(app, path, if_none_match=f'"other", W/{tag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert answer(app, path, if_none_match='"other"').status_code == 200
    assert answer(app, path, if_modified_since="Mon, 02 Nov 2026 00:00:00 GMT").status_code == 304
    assert answer(app, path, if_modified_since="Sat, 31 Oct 2026 00:00:00 GMT").status_code == 200
    assert answer(app, path, if_modified_since="when the sun rose").status_code == 200
    assert answer(app, "/iiif/3/squares/full/101,/0/default.jpg").headers["etag"] != tag
    assert answer(app, "/iiif/3/squares/info.json", if_none_match="*").status_code == 304


def test_other_sites_may_read(app: ImageService) -> None:
    assert answer(app, "/iiif/3/squares/info.json").headers["access-control-allow-origin"] == "*"
    assert answer(app, "/iiif/3/nothing/info.json").headers["access-control-allow-origin"] == "*"
    preflight = answer(app, "/iiif/3/squares/info.json", "OPTIONS", origin="http://viewer.example")
    assert preflight.status_code == 204
    assert "GET" in preflight.headers["access-control-allow-methods"]


def test_head_tells_what_get_would_send(app: ImageService) -> None:
    path = "/iiif/3/squares/full/100,/0/default.png"
    head, got = answer(app, path, "HEAD"), answer(app, path)
    assert head.content == b""
    assert "content-length" not in head.headers
    assert {name: head.headers[name] for name in ("etag", "link", "content-type")} == {
        name: got.headers[name] for name in ("etag", "link", "content-type")
    }


def test_nothing_can_be_written(app: ImageService) -> None:
    response = answer(app, "/iiif/3/squares/full/max/0/default.jpg", "PUT")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "path",
    [
        "/iiif/3/..%2f..%2fetc%2fpasswd/full/max/0/default.jpg",
        "/iiif/3/%2e%2e/info.json",
        "/iiif/3/squares%00/info.json",
        "/iiif/3/squares.tif/info.json",
        "/iiif/3/%ff/info.json",
        "/iiif/3/" + "a" * 5000 + "/info.json",
    ],
)
def test_identifiers_are_looked_up_never_followed(app: ImageService, path: str) -> None:
    assert answer(app, path).status_code == 404


def test_a_full_queue_asks_to_come_again(squares_pyramid: Path) -> None:
    policy = ServicePolicy(concurrency=1, queue=1)
    service = ImageService({"a": ServedFile(squares_pyramid, "0" * 64)}.get, Addresses(BASE), policy)

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url=BASE) as client:
            await client.get("/iiif/3/a/info.json")
            return await asyncio.gather(
                *(client.get(f"/iiif/3/a/full/^{900 + n},/0/default.jpg") for n in range(8))
            )

    answers = asyncio.run(crowd())
    assert {response.status_code for response in answers} == {200, 503}
    assert all(r.headers["retry-after"] for r in answers if r.status_code == 503)


def test_a_rendering_that_takes_too_long_is_stopped(squares_pyramid: Path) -> None:
    policy = ServicePolicy(seconds=0.02)
    service = ImageService({"a": ServedFile(squares_pyramid, "0" * 64)}.get, Addresses(BASE), policy)
    assert answer(service, "/iiif/3/a/full/^5000,/7/default.png").status_code == 503


def test_a_damaged_file_names_no_path(tmp_path: Path) -> None:
    (tmp_path / "secret.tif").write_bytes(b"II*\0nonsense")
    service = ImageService({"a": ServedFile(tmp_path / "secret.tif", "0" * 64)}.get, Addresses(BASE))
    response = answer(service, "/iiif/3/a/info.json")
    assert response.status_code == 500
    assert "secret" not in response.text


def test_slow_files_hold_no_pyramid_back(
    squares_pyramid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.iiif.rendering import Picture

    slow_file = tmp_path / "large.png"
    Image.new("L", (1200, 1000)).save(slow_file)
    render, go = Picture.render, threading.Event()

    def slow(self: Picture, *arguments: Any) -> bytes:
        if self.path == slow_file:
            go.wait(20)
        return render(self, *arguments)

    monkeypatch.setattr(Picture, "render", slow)
    files = {
        "quick": ServedFile(squares_pyramid, "0" * 64),
        **{f"slow{n}": ServedFile(slow_file, "1" * 64, pyramid=False) for n in range(2)},
    }
    policy = ServicePolicy(concurrency=2, slow_queue=1)
    service = ImageService(files.get, Addresses(BASE), policy)

    async def crowd() -> tuple[int, list[int]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url=BASE) as client:
            tasks = [
                asyncio.create_task(client.get(f"/iiif/3/slow{n % 2}/full/{100 + n},/0/default.jpg"))
                for n in range(5)
            ]
            while sum(task.done() for task in tasks) < 3:
                await asyncio.sleep(0.01)
            quick = await asyncio.wait_for(client.get("/iiif/3/quick/full/333,/0/default.png"), 5)
            go.set()
            return quick.status_code, [(await task).status_code for task in tasks]

    quick, of_slow = asyncio.run(crowd())
    assert quick == 200
    assert sorted(of_slow) == [200, 200, 503, 503, 503]


def test_tiles_without_end_need_no_more_memory(app: ImageService) -> None:
    process = psutil.Process()

    def many(count: int) -> int:
        for n in range(count):
            answer(app, f"/iiif/3/squares/{n % 400},{n % 300},512,512/max/0/default.jpg")
            answer(app, f"/iiif/3/grey/{n % 400},{n % 200},300,300/{100 + n % 100},/0/default.png")
        return int(process.memory_info().rss)

    before = many(60)
    assert many(120) - before < 40 << 20


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
number = st.one_of(st.integers(0, 3000).map(str), st.decimals(0, 120, places=2).map(str))
segments = st.tuples(
    st.sampled_from(["squares", "grey", "grey", "nothing", "..", ""]),
    st.one_of(
        st.sampled_from(["full", "square"]),
        st.lists(number, min_size=4, max_size=4).map(lambda n: "pct:" + ",".join(n)),
        st.lists(st.integers(0, 1400).map(str), min_size=4, max_size=4).map(",".join),
        anything,
    ),
    st.one_of(
        st.sampled_from(["max", "^max"]),
        st.builds("{}{}{},{}".format, st.sampled_from(["", "^"]), st.sampled_from(["", "!"]), number, number),
        st.builds("{}pct:{}".format, st.sampled_from(["", "^"]), number),
        anything,
    ),
    st.one_of(st.builds("{}{}".format, st.sampled_from(["", "!"]), number), st.just("0"), anything),
    st.one_of(
        st.builds(
            "{}.{}".format,
            st.sampled_from(["default", "color", "gray", "bitonal"]),
            st.sampled_from(["jpg", "png", "webp", "tif", "gif"]),
        ),
        anything,
    ),
)


@settings(max_examples=150, deadline=None)
@given(segments, st.sampled_from(["GET", "HEAD"]))
def test_no_request_breaks_the_service_or_its_limits(
    app: ImageService, parts: tuple[str, ...], method: str
) -> None:
    path = "/iiif/3/" + "/".join(quote(part, safe="") for part in parts)
    response = answer(app, path, method)
    assert response.status_code in {200, 303, 400, 404}
    if response.status_code == 200 and response.content:
        with Image.open(io.BytesIO(response.content)) as image:
            assert LIMITS.admit(*image.size)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_in_a_path_break_the_service(app: ImageService, raw: bytes) -> None:
    async def ask() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "raw_path": b"/iiif/3/" + raw,
            "headers": [],
            "query_string": b"",
        }
        await app(scope, receive, send)
        return sent

    assert asyncio.run(ask())[0]["status"] in {200, 303, 400, 404}
