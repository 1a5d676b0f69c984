"""Photographs handed over by HTTP: who may, what is taken in, and what is refused in which words."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import Engine

from catalog import recolorings, request_queue, requests, tokens
from catalog.request_files import RequestFiles
from catalog.requests import RequestLimits
from catalog.schema import RequestState, TokenAct, TokenScope
from catalog.store import Store
from catalog.tokens import TokenLimits
from catalog.web import request_access
from catalog.web.app import create_app
from catalog.web.problems import MEDIA_TYPE
from catalog.web.request_access import RequestService
from imaging.fixity import describe_output
from imaging.stage import OutputFile, Role, StageResult
from tests.catalog.web.conftest import BASE, Client

HINT = {"x": 0.5, "y": 0.25, "color": "#1b3a5e", "source": "letter of 1912"}
LIMITS = RequestLimits(max_bytes=3 * 2**20, most_waiting=30)


def picture(kind: str = "JPEG", side: int = 64, shade: int = 90) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side // 2), shade).save(file, kind)
    return file.getvalue()


@pytest.fixture
def service(tmp_path: Path) -> RequestService:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 32)
    return RequestService(RequestFiles(tmp_path / "requests"), secret, LIMITS, ("https://family.example",))


Tokens = Callable[..., str]


@pytest.fixture
def token(engine: Engine) -> Tokens:
    def make(name: str = "bot", *scopes: TokenScope, **limits: int) -> str:
        with engine.begin() as connection:
            return tokens.create(
                connection, name, scopes or (TokenScope.REQUEST,), by="test", limits=TokenLimits(**limits)
            )

    return make


@pytest.fixture
def site(engine: Engine, tmp_path: Path, service: RequestService) -> Client:
    (tmp_path / "store").mkdir()
    return Client(create_app(engine, tmp_path / "store", BASE, requests=service))


@pytest.fixture
def client(site: Client, token: Tokens) -> Client:
    site.headers["authorization"] = f"Bearer {token()}"
    return site


def hand_over(client: Client, content: bytes = b"", name: str = "a.jpg", **sent: Any) -> httpx.Response:
    headers = sent.pop("headers", {})
    files = {"photograph": (name, content or picture(), "image/jpeg")}
    data = {"options": json.dumps(sent)} if sent else {}
    return client.post("/requests", files=files, data=data, headers=headers)


def delete(client: Client, path: str) -> httpx.Response:
    return client._ask("DELETE", path)


def is_problem(response: httpx.Response, status: int) -> bool:
    document = response.json()
    return (
        response.status_code == status
        and response.headers["content-type"] == MEDIA_TYPE
        and document["status"] == status
        and bool(document["title"] and document["detail"])
    )


def finish(engine: Engine, service: RequestService) -> requests.Request:
    """Do a worker's part for the next request: a view, a tagged access copy and colors of three bytes."""
    with engine.begin() as connection:
        held = request_queue.claim(connection, LIMITS)
        assert held is not None
        store, digest = service.files.store(held.request.sha256), held.request.sha256
        entries = {
            stage: entry(store, digest, stage, files)
            for stage, files in {
                "look": {"preview.jpg": Role.COLORIZED},
                "colorization": {"confidence.tif": Role.CONFIDENCE, "colorized.tif": Role.COLORIZED},
                "provenance": {"colorized.jpg": Role.ACCESS_COPY, "colorized.tif": Role.COLORIZED},
                "views": {"preview.jpg": Role.COLORIZED, "doubt.json": Role.CONFIDENCE},
            }.items()
        }
        figures = {"colorization": {"mean_confidence": 0.5}}
        assert request_queue.finish(connection, held, entries, figures, LIMITS, method="m")
        return requests.by_id(connection, held.request.id)


def entry(store: Store, digest: str, stage: str, files: dict[str, Role]) -> str:
    key = hashlib.sha256(f"{digest} {stage}".encode()).hexdigest()

    def work(folder: Path) -> StageResult:
        written: list[OutputFile] = []
        for name, role in files.items():
            (folder / name).write_bytes(f"{stage} {name}".encode())
            written.append(describe_output(folder / name, folder, role))
        return StageResult(stage, "1", digest, tuple(written))

    store.produce(key, work)
    return key


def test_without_tokens_all_is_closed(site: Client) -> None:
    number = "/requests/00000000-0000-4000-8000-000000000000"
    asked = [
        site.get("/requests/openapi.json"),
        hand_over(site),
        site.get(number),
        delete(site, number),
        site.get(f"{number}/events"),
        site.get(f"{number}/files/preview.jpg"),
        site.post(f"{number}/hints", json={"hints": []}),
        site.get(f"{number}/hints/1"),
        site.get(f"{number}/hints/1/preview.jpg"),
    ]
    assert [one.status_code for one in asked if not is_problem(one, 401)] == []
    assert {one.headers["www-authenticate"] for one in asked} == {'Bearer realm="heliochrome"'}


def test_every_route_is_asked_for_its_token(service: RequestService) -> None:
    from catalog.web.request_routes import create_request_app

    app = create_request_app(lambda: pytest.fail("asked the catalog"), BASE, service)
    door = {"client", "opened"}
    routes = [route for route in app.routes if getattr(route, "dependant", None)]
    assert len(routes) == 9
    for route in routes:
        called = {getattr(one.call, "__name__", "") for one in route.dependant.dependencies}
        assert called & door, route.path


@pytest.mark.parametrize("header", ["Bearer", "Bearer hlc_no", "Basic aGxjXzp4", "hlc_", b"Bearer \xe9"])
def test_a_token_that_is_not_good_is_401(client: Client, header: str | bytes) -> None:
    del client.headers["authorization"]
    assert is_problem(hand_over(client, headers={"Authorization": header}), 401)


def test_a_token_without_the_scope_is_403_and_that_is_written_down(
    engine: Engine, site: Client, token: Tokens
) -> None:
    site.headers["authorization"] = f"Bearer {token('looker', TokenScope.PUBLISH)}"
    assert is_problem(hand_over(site), 403)
    site.headers["authorization"] = f"Bearer {token('bot')}"
    refused = hand_over(site, keep="catalog", accession_number="1987.12")
    assert is_problem(refused, 403) and "review" in refused.json()["remedy"]
    with engine.connect() as connection:
        assert tokens.history(connection, "looker")[-1].act is TokenAct.REFUSED
        assert tokens.history(connection, "bot")[-1].detail == "review"


def test_a_photograph_is_taken_in_watched_fetched_and_withdrawn(
    engine: Engine, client: Client, service: RequestService
) -> None:
    taken = hand_over(client, name="C:\\fakepath\\grand\u202emother.jpg", alternatives=1)
    assert taken.status_code == 202
    said = taken.json()
    assert taken.headers["location"] == said["self"] == f"{BASE}/requests/{said['id']}"
    assert (said["state"], said["ahead"], said["width"], said["height"]) == ("queued", 0, 64, 32)
    assert said["name"] == "grandmother.jpg" and said["options"]["alternatives"] == 1
    finish(engine, service)
    path = f"/requests/{said['id']}"
    state = client.get(path).json()
    assert (state["state"], state["progress"], state["preview"]) == ("finished", 1.0, "final")
    assert "inferred by a model" in state["notice"]
    hrefs = {file["name"]: file["href"] for file in state["files"]}
    assert set(hrefs) == {"preview.jpg", "confidence.tif", "colorized.jpg", "colorized.tif", "doubt.json"}
    fetched = client.get(f"{path}/files/preview.jpg")
    assert fetched.content == b"views preview.jpg"
    assert fetched.headers["content-type"] == "image/jpeg"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert client.get(f"{path}/files/colorized.tif").content == b"provenance colorized.tif"
    assert is_problem(client.get(f"{path}/files/result.json"), 404)
    assert is_problem(client.get(f"{path}/files/..%2Fsecret"), 404)
    assert delete(client, path).status_code == 204
    assert is_problem(client.get(path), 404) and is_problem(delete(client, path), 404)
    assert is_problem(client.get(hrefs["preview.jpg"]), 404)
    assert service.files.photographs() == ()
    with engine.connect() as connection:
        acts = [one.act for one in tokens.history(connection, "bot")]
    assert acts == [TokenAct.CREATED, TokenAct.REQUESTED, TokenAct.WITHDREW]


def test_signed_addresses_open_one_path_for_some_minutes(
    engine: Engine, client: Client, service: RequestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = hand_over(client).json()
    finish(engine, service)
    state = client.get(f"/requests/{said['id']}").json()
    href = next(file["href"] for file in state["files"] if file["name"] == "preview.jpg")
    del client.headers["authorization"]
    assert client.get(href).status_code == 200
    assert is_problem(client.get(href.replace("preview.jpg", "colorized.jpg")), 403)
    assert is_problem(client.get(href[:-1] + ("0" if href[-1] != "0" else "1")), 403)
    assert is_problem(client.get(href.replace("expires=", "expires=1")), 403)
    assert is_problem(client.get(href.partition("?")[0]), 401)
    assert is_problem(client.get(f"/requests/{said['id']}?{href.partition('?')[2]}"), 401)
    now = request_access.time.time()
    monkeypatch.setattr(request_access.time, "time", lambda: now + request_access.SIGNED_SECONDS + 2)
    assert is_problem(client.get(href), 403)


def test_a_request_is_its_client_s_alone(
    engine: Engine, client: Client, service: RequestService, token: Tokens
) -> None:
    number = hand_over(client).json()["id"]
    finish(engine, service)
    client.headers["authorization"] = f"Bearer {token('other')}"
    asked = [
        client.get(f"/requests/{number}"),
        delete(client, f"/requests/{number}"),
        client.get(f"/requests/{number}/files/preview.jpg"),
        client.get(f"/requests/{number}/events"),
        client.post(f"/requests/{number}/hints", json={"hints": [HINT]}),
    ]
    assert all(is_problem(one, 404) for one in asked)
    assert is_problem(client.get("/requests/nonsense"), 404)


def test_a_revoked_token_opens_nothing(engine: Engine, client: Client) -> None:
    number = hand_over(client).json()["id"]
    with engine.begin() as connection:
        tokens.revoke(connection, "bot", by="test")
    assert is_problem(client.get(f"/requests/{number}"), 401)


def test_the_same_key_is_answered_with_the_same_request(client: Client) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = hand_over(client, headers=key)
    again = hand_over(client, headers=key)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert is_problem(hand_over(client, denoise=0.1, headers=key), 409)
    assert is_problem(hand_over(client, headers={"Idempotency-Key": "a b"}), 422)


def test_a_repeat_is_finished_at_once(engine: Engine, client: Client, service: RequestService) -> None:
    hand_over(client)
    finish(engine, service)
    again = hand_over(client)
    assert (again.status_code, again.json()["state"]) == (200, "finished")


def bomb() -> bytes:
    """Return a PNG whose header promises 60,000 × 60,000 px."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def pages() -> bytes:
    file = io.BytesIO()
    one = Image.new("L", (40, 30))
    one.save(file, "TIFF", save_all=True, append_images=[one])
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"<html><script>alert(1)</script></html>", 415),
        (b"GIF89a" + b"\0" * 50, 415),
        (b"%PDF-1.7\n", 415),
        (bomb(), 413),
        (picture("TIFF")[:60], 422),
        (pages(), 415),
        (b"", 422),
    ],
    ids=["html", "gif", "pdf", "bomb", "truncated", "pages", "empty"],
)
def test_what_is_no_photograph_is_refused_and_leaves_nothing(
    client: Client, service: RequestService, content: bytes, status: int
) -> None:
    files = {"photograph": ("photograph.jpg", content, "image/jpeg")}
    refused = client.post("/requests", files=files)
    assert is_problem(refused, status)
    assert refused.json()["remedy"]
    assert str(service.files.root) not in refused.text
    assert [path for path in service.files.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"x", "headers": {"content-type": "image/jpeg"}}, 415),
        ({"json": {}}, 415),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
        ({"files": {"other": ("a.jpg", b"x")}}, 422),
        ({"files": [("photograph", ("a.jpg", b"x")), ("photograph", ("b.jpg", b"y"))]}, 400),
        ({"files": {"photograph": ("a.jpg", picture())}, "data": {"options": "nonsense"}}, 422),
        ({"files": {"photograph": ("a.jpg", picture())}, "data": {"options": '{"denoise": 7}'}}, 422),
        ({"files": {"photograph": ("a.jpg", picture())}, "data": {"options": '{"kind": "a\\u0000"}'}}, 422),
        ({"files": {"photograph": ("a.jpg", picture())}, "data": {"extra": "1"}}, 422),
        ({"data": {"photograph": "text"}, "files": {"options": ("a", b"{}")}}, 422),
        ({"content": b"x" * 300_000, "headers": {"content-type": "image/jpeg"}}, 413),
    ],
)
def test_a_form_that_is_none_is_told_what_is_wrong(
    client: Client, request_: dict[str, Any], status: int
) -> None:
    assert is_problem(client.post("/requests", **request_), status)


def test_too_many_bytes_are_refused_by_their_number_and_while_they_come(client: Client) -> None:
    big = picture() + b"\0" * (LIMITS.max_bytes + 2**21)
    assert is_problem(hand_over(client, big), 413)

    async def unending() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="photograph"; filename="a"\r\n\r\n'
        for _ in range(1000):
            yield b"\0" * 65_536

    response = client.post(
        "/requests", content=unending(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert is_problem(response, 413)


def test_more_than_fits_the_photograph_s_limit_is_413(
    engine: Engine, client: Client, service: RequestService
) -> None:
    assert is_problem(hand_over(client, picture() + b"\0" * (LIMITS.max_bytes + 1)), 413)


def test_a_full_quota_is_429_with_the_time_to_wait(site: Client, token: Tokens) -> None:
    site.headers["authorization"] = f"Bearer {token('small', most_waiting=1)}"
    assert hand_over(site, headers={"Idempotency-Key": "k"}).status_code == 202
    full = hand_over(site, picture(shade=10))
    assert is_problem(full, 429) and int(full.headers["retry-after"]) >= 1
    assert hand_over(site, headers={"Idempotency-Key": "k"}).status_code == 200
    assert is_problem(hand_over(site, headers={"Idempotency-Key": "other"}), 429)


def test_progress_is_told_as_server_sent_events(
    engine: Engine, client: Client, service: RequestService
) -> None:
    said = hand_over(client).json()
    finish(engine, service)
    del client.headers["authorization"]
    stream = client.get(said["events"])
    assert stream.headers["content-type"].startswith("text/event-stream")
    event, data = stream.text.strip().split("\n")
    assert event == "event: end"
    told = json.loads(data.removeprefix("data: "))
    assert (told["state"], told["progress"]) == ("finished", 1.0) and "files" not in told


def test_hints_are_tried_and_the_answer_waits_as_long_as_is_preferred(
    engine: Engine, client: Client, service: RequestService
) -> None:
    number = hand_over(client).json()["id"]
    assert is_problem(client.post(f"/requests/{number}/hints", json={"hints": [HINT]}), 409)
    finished = finish(engine, service)
    prefer = {"Prefer": "wait=0"}
    asked = client.post(f"/requests/{number}/hints", json={"hints": [HINT]}, headers=prefer)
    assert asked.status_code == 202 and asked.headers["location"] == asked.json()["self"]
    with engine.begin() as connection:
        held = recolorings.claim(connection, LIMITS)
        assert held is not None
        assert held.recoloring.hints[0]["source"] == "letter of 1912"
        assert held.recoloring.hints[0]["b"] < -15
        key = entry(
            service.files.store(finished.sha256), finished.sha256, "hint", {"preview.jpg": Role.COLORIZED}
        )
        obeyed = {"asked": [1, 2], "holdable": [1, 2], "reached": [1, 2], "limited": False, "covered": False}
        assert recolorings.finish(connection, held, key, [obeyed])
    shown = client.get(asked.json()["self"]).json()
    assert shown["outcome"][0]["reached"] == [1, 2]
    del client.headers["authorization"]
    assert client.get(shown["preview"]).content == b"hint preview.jpg"


def test_hints_can_be_made_the_photograph_s(engine: Engine, client: Client, service: RequestService) -> None:
    number = hand_over(client).json()["id"]
    finish(engine, service)
    again = client.post(f"/requests/{number}/hints", json={"hints": [HINT], "finish": True})
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["state"]) == (number, "queued")
    assert again.json()["options"]["hints"][0]["source"] == "letter of 1912"
    assert is_problem(client.post(f"/requests/{number}/hints", json={"hints": [], "finish": True}), 409)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"hints": [HINT | {"a": 1.0, "b": 2.0}]},
        {"hints": [{"x": 0.5, "y": 0.5, "a": 1.0, "source": "s"}]},
        {"hints": [{"x": 0.5, "y": 0.5, "source": "s"}]},
        {"hints": [HINT | {"x": 2}]},
        {"hints": [HINT | {"source": "a\0b"}]},
        {"hints": [HINT | {"source": "  "}]},
        {"hints": [HINT] * 201},
        {"hints": [], "more": 1},
    ],
)
def test_hints_that_cannot_be_are_422(
    engine: Engine, client: Client, service: RequestService, sent: dict[str, Any]
) -> None:
    number = hand_over(client).json()["id"]
    finish(engine, service)
    assert is_problem(client.post(f"/requests/{number}/hints", json=sent), 422)


def test_nothing_handed_over_is_public(engine: Engine, client: Client, service: RequestService) -> None:
    hand_over(client)
    finish(engine, service)
    del client.headers["authorization"]
    assert client.get("/iiif/discovery/activity.json").json()["totalItems"] == 0
    assert client.get("/iiif/collections/collection.json").json()["items"] == []


def test_the_description_is_openapi_3_1_and_names_every_route(client: Client) -> None:
    document = client.get("/requests/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": BASE}]
    assert len(document["paths"]) == 7
    form = document["paths"]["/requests"]["post"]["requestBody"]["content"]
    assert set(form) == {"multipart/form-data"}


def test_other_sites_pages_are_let_in_by_list(client: Client) -> None:
    origin = {"Origin": "https://family.example"}
    assert client.get("/requests/openapi.json", headers=origin).headers["access-control-allow-origin"]
    other = client.get("/requests/openapi.json", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_a_server_that_takes_no_requests_has_no_such_routes(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    client = Client(create_app(engine, tmp_path / "store", BASE))
    assert hand_over(client).status_code == 404


def test_unknown_paths_and_methods_are_problems_too(client: Client) -> None:
    assert is_problem(client.get("/requests/a/b/c/d"), 404)
    assert is_problem(client.get("/requests"), 405)


def test_a_request_that_waits_knows_its_place(site: Client, token: Tokens) -> None:
    ahead = []
    for name in ("a", "b"):
        site.headers["authorization"] = f"Bearer {token(name)}"
        ahead += [hand_over(site, picture(shade=shade)).json()["ahead"] for shade in (10, 20)]
    assert ahead == [0, 1, 1, 3]
    with_state = site.get("/requests/openapi.json")
    assert with_state.status_code == 200
    assert RequestState.QUEUED in json.dumps(with_state.json())
