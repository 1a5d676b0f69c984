from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from catalog import recolorings, request_queue, requests, tokens
from catalog.database import in_transaction
from catalog.request_files import RequestFiles
from catalog.request_options import HintOption, RequestOptions
from catalog.request_queue import Claim
from catalog.requests import Request, RequestConflict, RequestLimits, TooManyRequests, Upload
from catalog.schema import RequestState, TokenScope
from catalog.tokens import ApiToken, TokenLimits
from imaging.errors import CatalogError
from imaging.fixity import describe_output
from imaging.stage import Role, StageResult

LIMITS = RequestLimits(lease_seconds=30)
PLAIN = RequestOptions()


@pytest.fixture
def files(tmp_path: Path) -> RequestFiles:
    return RequestFiles(tmp_path / "requests")


@pytest.fixture
def client(engine: Engine) -> Callable[..., ApiToken]:
    def make(name: str = "bot", **limits: int) -> ApiToken:
        with engine.begin() as connection:
            secret = tokens.create(
                connection, name, [TokenScope.REQUEST], by="test", limits=TokenLimits(**limits)
            )
            found = tokens.find(connection, secret)
        assert found is not None
        return found

    return make


@pytest.fixture
def ask(engine: Engine, files: RequestFiles, tmp_path: Path) -> Callable[..., Request]:
    def make(
        client: ApiToken,
        content: bytes = b"photograph",
        key: str | None = None,
        options: RequestOptions = PLAIN,
        limits: RequestLimits = LIMITS,
        name: str = "a.jpg",
    ) -> Request:
        path = tmp_path / uuid4().hex
        path.write_bytes(content)
        upload = Upload(path, hashlib.sha256(content).hexdigest(), name, 100, 80)
        return in_transaction(
            engine,
            lambda c: requests.admit(c, files, client, upload, options, limits=limits, key=key),
        ).request

    return make


def take(engine: Engine, limits: RequestLimits = LIMITS) -> Claim | None:
    return in_transaction(engine, lambda connection: request_queue.claim(connection, limits))


def lapse(engine: Engine) -> None:
    """Let all leases run out, as if their workers had died long ago."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE requests SET lease_until = now() - interval '1 s' WHERE lease IS NOT NULL")
        )


def keep(files: RequestFiles, request: Request, name: str) -> str:
    """Put an entry of one small file into a request's store."""
    key = hashlib.sha256(name.encode()).hexdigest()

    def work(folder: Path) -> StageResult:
        (folder / f"{name}.tif").write_bytes(b"pixels")
        output = describe_output(folder / f"{name}.tif", folder, Role.CONFIDENCE)
        return StageResult(name, "1", request.sha256, (output,))

    files.store(request.sha256).produce(key, work)
    return key


def done(engine: Engine, files: RequestFiles, held: Claim, limits: RequestLimits = LIMITS) -> None:
    entries = {"colorization": keep(files, held.request, "colorization")}
    with engine.begin() as connection:
        assert request_queue.finish(connection, held, entries, {"a": 1}, limits, method="m")


def test_many_workers_get_each_request_once(
    engine: Engine, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    bot = client()
    asked = {ask(bot, f"{number}".encode()).id for number in range(12)}
    with ThreadPoolExecutor(6) as pool:
        held = list(pool.map(lambda _: take(engine), range(14)))
    assert sorted(one.request.id for one in held if one) == sorted(asked)


def test_clients_take_turns(
    engine: Engine, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    bulk, person, urgent = client("bulk"), client("person"), client("urgent", priority=1)
    first = [ask(bulk, f"{number}".encode()) for number in range(4)]
    asked = ask(person, b"one"), ask(urgent, b"now")
    with engine.connect() as connection:
        ahead = [request_queue.standing(connection, one).ahead for one in (*first, *asked)]
    assert ahead == [1, 3, 4, 5, 2, 0]
    order = [held.request.id for _ in range(6) if (held := take(engine))]
    expected = [asked[1], first[0], asked[0], *first[1:]]
    assert order == [one.id for one in expected]


def test_a_dead_worker_s_request_goes_to_the_next_and_the_dead_one_changes_nothing(
    engine: Engine, files: RequestFiles, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    ask(client())
    dead = take(engine)
    assert dead is not None and take(engine) is None
    lapse(engine)
    alive = take(engine)
    assert alive is not None and alive.request.id == dead.request.id
    with engine.begin() as connection:
        assert not request_queue.extend(connection, dead, "colorization", 0.9, LIMITS)
        assert not request_queue.finish(connection, dead, {}, {}, LIMITS, method="m")
        assert not request_queue.give_up(
            connection, dead, RequestState.FAILED, CatalogError("a", "b", "c"), LIMITS
        )
        assert not request_queue.release(connection, dead)
        assert request_queue.extend(connection, alive, "restoration", 0.2, LIMITS)
        assert requests.by_id(connection, alive.request.id).progress == 0.2
    done(engine, files, alive)
    assert take(engine) is None


def test_a_request_that_kills_workers_is_given_up(
    engine: Engine, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    poison, harmless = ask(client(), b"poison"), ask(client("other"), b"harmless")
    for _ in range(LIMITS.most_attempts):
        while (held := take(engine)) is not None and held.request.id != poison.id:
            with engine.begin() as connection:
                request_queue.release(connection, held)
        lapse(engine)
    order = [held.request.id for _ in range(2) if (held := take(engine))]
    assert order == [harmless.id]
    with engine.connect() as connection:
        given_up = requests.by_id(connection, poison.id)
    assert given_up.state is RequestState.FAILED
    assert "3 workers" in (given_up.reason or "")


def test_the_same_key_asks_once(client: Callable[..., ApiToken], ask: Callable[..., Request]) -> None:
    bot = client()
    first = ask(bot, key="k")
    assert ask(bot, key="k").id == first.id
    assert ask(client("other"), key="k").id != first.id
    with pytest.raises(RequestConflict, match="new key"):
        ask(bot, key="k", options=RequestOptions(denoise=0.1))


def test_quotas_hold(client: Callable[..., ApiToken], ask: Callable[..., Request]) -> None:
    bot = client(most_waiting=2)
    for number in range(2):
        ask(bot, f"{number}".encode())
    with pytest.raises(TooManyRequests, match="2 requests waiting") as told:
        ask(bot, b"2")
    assert told.value.retry_after >= 1
    busy = client("busy", per_hour=1)
    ask(busy, b"3")
    with pytest.raises(TooManyRequests, match="within an hour") as told:
        ask(busy, b"4")
    assert 3500 < told.value.retry_after <= 3600
    with pytest.raises(TooManyRequests, match="queue"):
        ask(client("third"), b"5", limits=RequestLimits(most_waiting=3))


def test_a_repeat_is_finished_at_once_and_only_where_all_is_there(
    engine: Engine, files: RequestFiles, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    bot = client()
    ask(bot)
    held = take(engine)
    assert held is not None
    done(engine, files, held)
    again = ask(client("other"))
    assert again.state is RequestState.FINISHED
    assert set(files.results(again.sha256, again.entries)) == {"colorization.tif"}
    assert ask(bot, options=RequestOptions(denoise=0)).state is RequestState.QUEUED
    for path in files.store(again.sha256).folder(again.entries["colorization"]).glob("*.tif"):
        path.unlink()
    assert ask(bot).state is RequestState.QUEUED


def test_what_is_withdrawn_is_removed_unless_another_needs_it(
    engine: Engine, files: RequestFiles, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    first, second = ask(client("a")), ask(client("b"))
    original = files.original(first.sha256)
    with engine.begin() as connection:
        requests.withdraw(connection, files, first)
    assert original.read_bytes() == b"photograph"
    held = take(engine)
    assert held is not None and held.request.id == second.id
    with engine.begin() as connection:
        requests.withdraw(connection, files, second)
        assert not request_queue.extend(connection, held, "", 0.5, LIMITS)
    assert not original.exists() and files.photographs() == ()
    with engine.connect() as connection:
        assert requests.get(connection, first.uuid) is None
        kept = requests.by_id(connection, second.id)
    assert (kept.original_name, kept.options, kept.state) == ("", {}, RequestState.WITHDRAWN)
    assert take(engine) is None


def test_what_nobody_fetches_in_time_is_removed(
    engine: Engine, files: RequestFiles, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    asked, waiting = ask(client(), b"a"), ask(client("b"), b"b")
    held = take(engine)
    assert held is not None
    done(engine, files, held, RequestLimits(kept_hours=0))
    with engine.begin() as connection:
        assert requests.expire(connection, files) == 1
        assert requests.expire(connection, files) == 0
        assert requests.get(connection, asked.uuid) is None
        assert requests.get(connection, waiting.uuid) is not None
    assert files.photographs() == (waiting.sha256,)


def test_nobody_sees_another_s_request(
    engine: Engine, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    mine, other = client("mine"), client("other")
    asked = ask(mine)
    with engine.connect() as connection:
        assert requests.get(connection, asked.uuid, mine) is not None
        assert requests.get(connection, asked.uuid, other) is None


def test_hints_are_tried_on_what_has_colors(
    engine: Engine, files: RequestFiles, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    bot = client()
    asked = ask(bot)
    hint = HintOption(x=0.5, y=0.5, a=10, b=-20, source="a letter")
    with engine.begin() as connection, pytest.raises(RequestConflict):
        recolorings.ask(connection, asked, bot, [hint])
    held = take(engine)
    assert held is not None
    done(engine, files, held)
    with engine.begin() as connection:
        finished = requests.by_id(connection, asked.id)
        tried = [recolorings.ask(connection, finished, bot, [hint]) for _ in range(recolorings.MOST_WAITING)]
        with pytest.raises(TooManyRequests):
            recolorings.ask(connection, finished, bot, [hint])
    with engine.begin() as connection:
        taken = recolorings.claim(connection, LIMITS)
        assert taken is not None and taken.recoloring.id == tried[0].id and taken.request.id == asked.id
        assert recolorings.finish(connection, taken, "0" * 64, [{"limited": False}])
        assert not recolorings.finish(connection, taken, "1" * 64, [])
        shown = recolorings.get(connection, finished, tried[0].uuid)
    assert shown is not None and (shown.state, shown.entry) == (RequestState.FINISHED, "0" * 64)


def test_coloring_anew_needs_a_finished_request(
    engine: Engine, files: RequestFiles, client: Callable[..., ApiToken], ask: Callable[..., Request]
) -> None:
    bot = client()
    asked = ask(bot)
    with engine.begin() as connection, pytest.raises(RequestConflict):
        requests.color_anew(connection, asked, bot, PLAIN, LIMITS)
    held = take(engine)
    assert held is not None
    done(engine, files, held)
    with engine.begin() as connection:
        again = requests.color_anew(connection, asked, bot, RequestOptions(alternatives=1), LIMITS)
    assert (again.state, again.chosen.alternatives) == (RequestState.QUEUED, 1)
    assert again.entries and take(engine) is not None


@pytest.mark.parametrize(
    "options",
    [
        {"denoise": 2},
        {"denoise": float("nan")},
        {"keep": "catalog"},
        {"accession_number": "1"},
        {"colorize": False, "alternatives": 1},
        {"unknown": 1},
        {"hints": [{"x": 0.5, "y": 0.5, "a": 0, "b": 0, "source": ""}]},
        {"hints": [{"x": 0.5, "y": 0.5, "a": 0, "b": 0, "source": "a\0"}]},
        {"alternatives": 6},
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        RequestOptions.model_validate(options)


def test_leases_last(engine: Engine, client: Callable[..., ApiToken], ask: Callable[..., Request]) -> None:
    ask(client())
    held = take(engine)
    assert held is not None
    with engine.connect() as connection:
        left = connection.execute(text("SELECT lease_until - now() FROM requests")).scalar_one()
    assert timedelta(seconds=25) < left <= timedelta(seconds=30)
