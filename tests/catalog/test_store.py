from __future__ import annotations

import errno
import hashlib
import itertools
import multiprocessing
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from catalog.store import Store, rotating_share, stage_key
from catalog.store_files import RESULT
from imaging.errors import HeliochromeError, StoreError
from imaging.stage import ModelReference, OutputFile, Role, StageResult

KEY = stage_key(input_sha256="1" * 64, stage="restoration", version="1", parameters={"strength": 0.5})


def stage(folder: Path, content: bytes = b"pixels" * 1000, name: str = "restored.tif") -> StageResult:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    file = OutputFile(Role.RESTORED, name, sha256, len(content), "image/tiff", 10, 10, 8)
    return StageResult("restoration", "1", "1" * 64, (file,))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_key_depends_on_everything_that_determines_the_outcome():
    given = {"input_sha256": "1" * 64, "stage": "s", "version": "1", "parameters": {"a": 1, "b": None}}
    model = ModelReference("net", "1", "2" * 64)
    changes = (
        {"input_sha256": "3" * 64},
        {"stage": "t"},
        {"version": "2"},
        {"parameters": {"a": 1}},
        {"parameters": {"a": 1.5, "b": None}},
        {"models": (model,)},
        {"models": (ModelReference("net", "1", "4" * 64),)},
    )
    keys = {stage_key(**given), *(stage_key(**{**given, **change}) for change in changes)}
    assert len(keys) == len(changes) + 1
    assert stage_key(**given) == stage_key(**{**given, "parameters": {"b": None, "a": 1}})


def test_work_asked_twice_is_done_once(store: Store):
    calls = []
    first = store.produce(KEY, lambda folder: calls.append(1) or stage(folder))
    second = store.produce(KEY, lambda folder: calls.append(1) or stage(folder))
    assert (first.fresh, second.fresh, len(calls)) == (True, False, 1)
    assert second.result == first.result == store.find(KEY)
    assert store.path(KEY, first.result.file(Role.RESTORED)).read_bytes() == b"pixels" * 1000
    assert list(store.keys()) == [KEY]


def test_stored_files_are_read_only_and_scratch_is_dropped(store: Store):
    def work(folder: Path) -> StageResult:
        (folder / "scratch").mkdir()
        (folder / "scratch" / "tile").write_bytes(b"x")
        return stage(folder, name="deep/restored.tif")

    result = store.produce(KEY, work).result
    entry = store.folder(KEY)
    assert sorted(p.relative_to(entry).as_posix() for p in entry.rglob("*")) == [
        "deep",
        "deep/restored.tif",
        RESULT,
    ]
    assert store.path(KEY, result.files[0]).stat().st_mode & 0o777 == 0o444
    assert not list((store.root / "partial").iterdir())


def test_failed_stage_leaves_its_partial_work_to_the_next(store: Store):
    with pytest.raises(ValueError, match="half way"), store.workspace(KEY) as folder:
        (folder / "tile-0").write_bytes(b"done")
        raise ValueError("half way")
    assert store.find(KEY) is None
    with store.workspace(KEY) as folder:
        assert (folder / "tile-0").read_bytes() == b"done"


def test_second_task_waits_then_finds(store: Store):
    entered, proceed = threading.Event(), threading.Event()
    calls, outcomes = [], []

    def work(folder: Path) -> StageResult:
        calls.append(1)
        entered.set()
        proceed.wait(10)
        return stage(folder)

    tasks = [threading.Thread(target=lambda: outcomes.append(store.produce(KEY, work))) for _ in range(3)]
    tasks[0].start()
    entered.wait(10)
    for task in tasks[1:]:
        task.start()
    proceed.set()
    for task in tasks:
        task.join(10)
    assert len(calls) == 1
    assert sorted(outcome.fresh for outcome in outcomes) == [False, False, True]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b"short"), "holds 5 bytes"),
        (lambda path: path.write_bytes(b"Pixels" * 1000), "sha256"),
    ],
)
def test_commit_refuses_files_that_are_not_what_the_stage_reported(store: Store, spoil, fault):
    with store.workspace(KEY) as folder:
        result = stage(folder)
        spoil(folder / "restored.tif")
        with pytest.raises(StoreError, match=fault):
            store.commit(KEY, folder, result)
    assert store.find(KEY) is None


@pytest.mark.parametrize("name", ["../escape.tif", "/etc/passwd", "a/../../b", RESULT, ""])
def test_commit_refuses_names_outside_the_entry(store: Store, name):
    file = OutputFile(Role.RESTORED, name, "0" * 64, 0, "image/tiff")
    with store.workspace(KEY) as folder, pytest.raises(StoreError, match="no name for a stored file"):
        store.commit(KEY, folder, StageResult("restoration", "1", "1" * 64, (file,)))


def test_existing_entry_is_never_overwritten(store: Store):
    first = store.produce(KEY, stage).result
    with store.workspace(KEY) as folder:
        assert store.commit(KEY, folder, stage(folder, b"other")) == first
    assert store.verify(KEY) == ()


def test_fixity_check_finds_a_flipped_bit_and_quarantine_makes_way(store: Store):
    path = store.path(KEY, store.produce(KEY, stage).result.files[0])
    path.chmod(0o644)
    path.write_bytes(b"Q" + path.read_bytes()[1:])
    (damage,) = store.verify(KEY)
    assert damage.path == path
    assert "sha256" in damage.fault
    quarantined = store.quarantine(KEY)
    assert (quarantined / "restored.tif").read_bytes().startswith(b"Q")
    assert store.find(KEY) is None
    assert store.produce(KEY, stage).fresh


def test_truncated_entry_is_named_by_find_and_healed_by_produce(store: Store):
    path = store.path(KEY, store.produce(KEY, stage).result.files[0])
    path.chmod(0o644)
    path.write_bytes(b"short")
    with pytest.raises(StoreError, match="holds 5 bytes instead of 6000"):
        store.find(KEY)
    assert store.produce(KEY, stage).fresh
    assert store.verify(KEY) == ()
    assert len(list((store.root / "quarantine").iterdir())) == 1


def test_unreadable_result_is_damage_not_a_crash(store: Store):
    store.produce(KEY, stage)
    (store.folder(KEY) / RESULT).write_text("{")
    with pytest.raises(StoreError, match="unreadable"):
        store.find(KEY)
    assert len(store.verify(KEY)) == 1


def test_rotted_original_is_replaced_by_a_file_of_its_bytes(store: Store, tmp_path: Path):
    scan = tmp_path / "scan.tif"
    scan.write_bytes(b"pixels" * 100)
    sha256, original = store.add_original(scan)
    original.chmod(0o644)
    original.write_bytes(b"rotted" * 100)
    assert store.add_original(scan) == (sha256, original)
    assert original.read_bytes() == scan.read_bytes()
    assert store.quarantined(sha256).read_bytes() == b"rotted" * 100


def test_scan_whose_disk_fails_is_no_fault_of_the_store(store: Store, tmp_path: Path, monkeypatch):
    scan = tmp_path / "scan.tif"
    scan.write_bytes(b"pixels")
    monkeypatch.setattr(Path, "open", _failing_disk)
    with pytest.raises(HeliochromeError, match=r"scan\.tif: cannot be read to its end") as raised:
        store.add_original(scan)
    assert not isinstance(raised.value, StoreError) and not list(store.originals())


def _failing_disk(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_original_is_kept_once_under_its_digest(store: Store, tmp_path: Path):
    one, two = tmp_path / "one.tif", tmp_path / "two\nnamed 'oddly'.tif"
    one.write_bytes(b"scan")
    two.write_bytes(b"scan")
    assert store.add_original(one) == store.add_original(two)
    sha256, path = store.add_original(one)
    assert sha256 == hashlib.sha256(b"scan").hexdigest()
    assert path.read_bytes() == b"scan"
    assert path.stat().st_mode & 0o777 == 0o444
    assert list(store.originals()) == [sha256]
    assert [p.name for p in (store.root / "originals").iterdir()] == [sha256[:2]]
    assert store.resolve(store.relative(path)) == path
    assert store.verify_original(sha256) == ()
    path.chmod(0o644)
    path.write_bytes(b"scam")
    assert len(store.verify_original(sha256)) == 1
    store.quarantine(sha256)
    assert "is missing" in store.verify_original(sha256)[0].fault


def test_path_from_the_catalog_cannot_climb_out(store: Store):
    with pytest.raises(StoreError):
        store.resolve("../../etc/passwd")


@pytest.mark.parametrize(
    "words", [OSError(errno.ENOSPC, "No space left"), ValueError("libx: No space left on device")]
)
def test_full_disk_is_named_with_its_remedy(store: Store, words):
    with pytest.raises(StoreError, match=r"full.*Free some space"), store.workspace(KEY):
        raise words


def test_abandoned_partial_work_is_dropped_but_not_what_somebody_works_on(store: Store):
    for key in (KEY, "0" * 64):
        with store.workspace(key) as folder:
            (folder / "tile-0").write_bytes(b"done")
    assert store.drop_abandoned(timedelta(days=1)) == ()
    with store.workspace(KEY):
        assert store.drop_abandoned(timedelta(days=-1)) == ("0" * 64,)
    assert store.drop_abandoned(timedelta(days=-1)) == (KEY,)
    assert list((store.root / "partial").iterdir()) == []


def test_foreign_files_on_a_shelf_are_no_addresses(store: Store, tmp_path: Path):
    scan = tmp_path / "scan.tif"
    scan.write_bytes(b"scan")
    sha256, original = store.add_original(scan)
    entry = store.folder(store.produce(KEY, stage).key)
    for shelf in (original.parent, entry.parent):
        (shelf / ".nfs0000000000a1b2c3").touch()
        (shelf / ".DS_Store").touch()
    assert (list(store.keys()), list(store.originals())) == ([KEY], [sha256])


def test_every_address_has_its_turn_once():
    keys = [hashlib.sha256(bytes([i])).hexdigest() for i in range(200)]
    seen = [key for turn in range(40, 52) for key in rotating_share(keys, turn, 12)]
    assert sorted(seen) == sorted(keys)


def produce_until_killed(store: Store, moment: int) -> None:
    left = moment

    def deadly(call):
        def counted(*args, **named):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **named)

        return counted

    for name in ("fsync", "rename", "chmod", "unlink", "mkdir"):
        setattr(os, name, deadly(getattr(os, name)))
    store.produce(KEY, stage)


def test_kill_at_any_moment_leaves_nothing_or_everything(tmp_path: Path):
    processes = multiprocessing.get_context("fork")
    for moment in itertools.count(1):
        store = Store(tmp_path / str(moment))
        process = processes.Process(target=produce_until_killed, args=(store, moment))
        process.start()
        process.join(30)
        assert process.exitcode in {0, -signal.SIGKILL}
        found = store.find(KEY)
        assert found is None or store.verify(KEY) == ()
        assert store.produce(KEY, stage).fresh == (found is None)
        assert store.verify(KEY) == ()
        if process.exitcode == 0:
            break
    assert moment > 10
