"""Looking pictures up by their identifiers: once, in a thread, and not waited for too long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from catalog.iiif.addresses import Addresses
from catalog.iiif.image_request import SizeLimits
from catalog.iiif.image_service import ImageService, ServedFile, ServicePolicy
from tests.catalog.iiif.test_image_service import answer

BASE = "http://museum.example"
LIMITS = SizeLimits(max_width=1500, max_height=1500, max_area=1_500_000)


def test_what_the_resolver_said_is_forgotten(squares_pyramid: Path) -> None:
    files = {"a": ServedFile(squares_pyramid, "0" * 64)}
    service = ImageService(files.get, Addresses(BASE), ServicePolicy(remembered_seconds=0))
    assert answer(service, "/iiif/3/a/info.json").status_code == 200
    files.clear()
    assert answer(service, "/iiif/3/a/info.json").status_code == 404


def test_a_picture_is_looked_up_once_and_not_waited_for_too_long(squares_pyramid: Path) -> None:
    asked: list[str] = []

    def slow(identifier: str) -> ServedFile:
        asked.append(identifier)
        time.sleep(0.4)
        return ServedFile(squares_pyramid, "0" * 64)

    async def crowd(policy: ServicePolicy) -> set[int]:
        service = ImageService(slow, Addresses(BASE), policy)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url=BASE) as client:
            answers = await asyncio.gather(*(client.get("/iiif/3/a/info.json") for _ in range(20)))
            await asyncio.sleep(0.5)
            answers.append(await client.get("/iiif/3/a/info.json"))
        assert answers.pop().status_code == 200
        return {answer.status_code for answer in answers}

    assert asyncio.run(crowd(ServicePolicy())) == {200}
    assert asked == ["a"]
    assert asyncio.run(crowd(ServicePolicy(seconds=0.1))) == {503}


def test_what_is_not_ready_asks_to_come_again(squares_pyramid: Path) -> None:
    files = {"a": ServedFile(squares_pyramid, "0" * 64, ready=False)}
    service = ImageService(files.get, Addresses(BASE), ServicePolicy(remembered_seconds=0))
    for path in ("info.json", "full/max/0/default.jpg"):
        response = answer(service, f"/iiif/3/a/{path}")
        assert (response.status_code, response.headers["retry-after"]) == (503, "10")
        assert "being made ready" in response.text
    files["a"] = ServedFile(squares_pyramid, "0" * 64)
    assert answer(service, "/iiif/3/a/info.json").status_code == 200


def test_no_identifier_of_another_form_is_looked_up() -> None:
    asked: list[str] = []

    def resolve(identifier: str) -> None:
        asked.append(identifier)

    service = ImageService(resolve, Addresses(BASE), recognizes=str.isdigit)
    assert answer(service, "/iiif/3/letters/info.json").status_code == 404
    assert asked == []
    assert answer(service, "/iiif/3/123/info.json").status_code == 404
    assert asked == ["123"]


def test_unknown_identifiers_leave_few_look_ups_and_hold_no_known_picture_back(squares_pyramid: Path) -> None:
    go, running, most = threading.Event(), [], []

    def resolve(identifier: str) -> ServedFile | None:
        if identifier == "known":
            return ServedFile(squares_pyramid, "0" * 64)
        running.append(identifier)
        most.append(len(running))
        go.wait(20)
        running.remove(identifier)
        return None

    policy = ServicePolicy(concurrency=2, look_ups=10, remembered_seconds=0)
    service = ImageService(resolve, Addresses(BASE), policy)

    async def crowd() -> tuple[httpx.Response, list[httpx.Response]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url=BASE) as client:
            await client.get("/iiif/3/known/info.json")
            unknown = [asyncio.create_task(client.get(f"/iiif/3/{n}/info.json")) for n in range(300)]
            while sum(task.done() for task in unknown) < 289:
                await asyncio.sleep(0.01)
            tile = await asyncio.wait_for(client.get("/iiif/3/known/0,0,512,512/512,512/0/default.jpg"), 5)
            go.set()
            return tile, await asyncio.gather(*unknown)

    tile, unknown = asyncio.run(crowd())
    assert tile.status_code == 200
    assert sorted(response.status_code for response in unknown) == [404] * 11 + [503] * 289
    assert max(most) == 1


def test_a_resolver_is_asked_in_a_thread(squares_pyramid: Path) -> None:
    asked: list[bool] = []

    def resolve(identifier: str) -> ServedFile | None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asked.append(True)
        return None

    resolver: Callable[[str], ServedFile | None] = resolve
    assert answer(ImageService(resolver, Addresses(BASE)), "/iiif/3/a/info.json").status_code == 404
    assert asked == [True]
