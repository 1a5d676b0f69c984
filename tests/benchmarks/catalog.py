"""`make bench-catalog`: import of 100,000 objects, review queue at 1,000,000 derivatives, search, migrations.

Runs on an embedded PostgreSQL server with its default settings, in a folder of its own that is removed.
"""

from __future__ import annotations

import csv
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, Engine, Select, text
from sqlalchemy.dialects import postgresql

from catalog import queue
from catalog.database import connect, in_transaction, migrate
from catalog.interchange.object_rows import COLUMNS
from catalog.interchange.spreadsheet import ImportReport, export_objects, import_objects
from catalog.queue import Order
from catalog.queue_filter import QueueFilter, Range
from catalog.schema import ReviewState
from catalog.search import ObjectSearch, search
from operators.deployment.postgres import EmbeddedPostgres, ensure_database
from tests.benchmarks.frame import Reached, report, show

OBJECTS = 100_000
DERIVATIVES = 1_000_000
PER_VERSION = 4
PAGES_EACH = 40

QUEUE = """
INSERT INTO scans (object_id, sha256, original_name, state)
SELECT o.id, encode(sha256(n::text::bytea), 'hex'), n || '.tif', 'processed'
FROM generate_series(1, :versions) n
JOIN (SELECT id, row_number() OVER () AS place FROM objects) o ON o.place = 1 + n % :objects;
INSERT INTO versions
    (scan_id, stage, number, store_key, input_sha256, stage_version, parameters, figures, regions)
SELECT id, 'colorization', 1, sha256, sha256, '1', '{}', '{}', '[]' FROM scans;
INSERT INTO derivatives (version_id, role, name, sha256, bytes, media_type, path)
SELECT v.id, (ARRAY['colorized', 'confidence', 'alternative', 'access-copy'])[part], part || '.tif',
       v.store_key, 1, 'image/tiff', v.store_key || part
FROM versions v, generate_series(1, :per_version) part;
INSERT INTO reviews (version_id, scan_id, state, confidence, damage, reason)
SELECT v.id, v.scan_id,
       (ARRAY['pending', 'pending', 'approved', 'rejected', 'superseded'])[1 + v.id % 5],
       random(), random() * random(), 'bench'
FROM versions v;
"""


def main() -> int:
    """Build, measure, report."""
    with _catalog() as engine, tempfile.TemporaryDirectory() as folder:
        figures: dict[str, Any] = {"import": _measure_import(engine, Path(folder))}
        _build_queue(engine)
        figures["queue"] = _measure_queue(engine)
        figures["search"] = _measure_search(engine)
        figures["migrations"] = _measure_migrations(engine)
    worst = max(case["p99_ms"] for case in figures["queue"].values())
    unindexed = sum(not case["index"] for case in figures["queue"].values())
    lost = figures["migrations"]["rows_before"] - figures["migrations"]["rows_after"]
    return report(
        "catalog",
        figures,
        [
            Reached("import of 100,000 objects, s", figures["import"]["first_s"], 60),
            Reached("slowest queue page (p99), ms", worst, 50),
            Reached("queue pages without an index", unindexed, 0),
            Reached("rows lost by migrating down and up", lost, 0),
        ],
    )


@contextmanager
def _catalog() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="heliochrome-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "postgres", "bench").running() as address:
            ensure_database(address, "bench")
            engine = connect(address.dsn("bench"), statement_seconds=600)
            migrate(engine)
            yield engine
            engine.dispose()


def _measure_import(engine: Engine, folder: Path) -> dict[str, float]:
    path = folder / "objects.csv"
    _write_objects(path)

    def load(connection: Connection) -> ImportReport:
        return import_objects(connection, path)

    figures: dict[str, float] = {}
    with _computing(engine, figures, "first_processor_s"):
        figures["first_s"], done = _timed(lambda: in_transaction(engine, load))
    with _computing(engine, figures, "again_processor_s"):
        figures["again_s"], repeated = _timed(lambda: in_transaction(engine, load))
    with (
        (folder / "export.csv").open("w", newline="") as target,
        _computing(engine, figures, "export_processor_s"),
        engine.connect() as connection,
    ):
        figures["export_s"], count = _timed(lambda: export_objects(connection, target))
    assert (done.inserted, repeated.unchanged, count) == (OBJECTS, OBJECTS, OBJECTS)
    show(
        f"CSV of {OBJECTS:,} objects, {path.stat().st_size / 1e6:.0f} MB",
        ("what", "seconds", "of them processor", "rows/s"),
        [
            (
                what,
                figures[f"{what}_s"],
                figures[f"{what}_processor_s"],
                round(OBJECTS / figures[f"{what}_s"]),
            )
            for what in ("first", "again", "export")
        ],
    )
    return figures


def _write_objects(path: Path) -> None:
    chance = random.Random(7)  # noqa: S311
    words, frequencies = _language(chance)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(OBJECTS):
            title = " ".join(chance.choices(words, cum_weights=frequencies, k=4))
            year = chance.randint(1850, 1950)
            slugs = f"collection-{number % 20}"
            rights = "http://rightsstatements.org/vocab/NKC/1.0/"
            prose = " ".join(chance.choices(words, cum_weights=frequencies, k=25))
            row = [f"{year}.{number}", title, prose, f"Maker {number % 500}", f"ca. {year}", "", "", rights]
            writer.writerow([*row, "Gift", slugs])


def _language(chance: random.Random) -> tuple[list[str], list[float]]:
    """Return 5,000 words, some with accents, and how often each or one before it is used (Zipf's law)."""
    syllables = [
        "za",
        "mek",
        "žďá",
        "ri",
        "ver",
        "né",
        "gat",
        "sta",
        "tion",
        "mil",
        "brü",
        "cke",
        "por",
        "trait",
    ]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(5000)]
    return words, list(accumulate(1 / rank for rank in range(1, len(words) + 1)))


def _build_queue(engine: Engine) -> None:
    given = {"versions": DERIVATIVES // PER_VERSION, "objects": OBJECTS, "per_version": PER_VERSION}
    with engine.begin() as connection:
        for statement in QUEUE.split(";\n"):
            if statement.strip():
                named = {name: value for name, value in given.items() if f":{name}" in statement}
                connection.execute(text(statement), named)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _measure_queue(engine: Engine) -> dict[str, dict[str, Any]]:
    filters = {
        "pending": QueueFilter(),
        "approved": QueueFilter(state=ReviewState.APPROVED),
        "confidence 0.4–0.6": QueueFilter(confidence=Range(0.4, 0.6)),
        "damage over 0.9": QueueFilter(damage=Range(0.9, 1)),
        "confidence under 0.1, damage over 0.8": QueueFilter(confidence=Range(0, 0.1), damage=Range(0.8, 1)),
        "of one collection": QueueFilter(collection="collection-7"),
    }
    cases = {}
    with engine.connect() as connection:
        for (name, which), order in product(filters.items(), Order):
            cases[f"{name}, by {order}"] = _measure_case(connection, which, order)
    show(
        f"review queue, {DERIVATIVES:,} derivatives, {DERIVATIVES // PER_VERSION:,} reviews, pages of 50",
        ("filter and order", "p50 ms", "p99 ms", "pages", "index"),
        [
            (name, case["p50_ms"], case["p99_ms"], case["pages"], ", ".join(case["index"]))
            for name, case in cases.items()
        ],
    )
    return cases


def _measure_case(connection: Connection, which: QueueFilter, order: Order) -> dict[str, Any]:
    # Half of the pages from the beginning, half from the middle: a page's token is good under any filter.
    middle = {
        Order.CERTAINTY: QueueFilter(confidence=Range(0.5, 1)),
        Order.DAMAGE: QueueFilter(damage=Range(0, 0.25)),
        Order.ARRIVAL: QueueFilter(),
    }[order]
    times = []
    for start in (None, queue.page(connection, middle, order=order).following):
        token = start
        for _ in range(PAGES_EACH // 2):
            seconds, found = _timed(
                lambda token=token: queue.page(connection, which, order=order, after=token)
            )
            times.append(seconds * 1000)
            token = found.following
            if token is None:
                break
    plan = _explain(connection, queue.query(which, order=order, after=None, limit=51))
    times.sort()
    return {
        "p50_ms": statistics.median(times),
        "p99_ms": times[min(len(times) - 1, round(0.99 * len(times)))],
        "pages": len(times),
        "index": sorted({name for name in plan if name.startswith("reviews_")} - {"reviews_pkey"}),
    }


def _measure_search(engine: Engine) -> dict[str, float]:
    asked = {
        "two words": ObjectSearch(words="rivermil bruckemil"),
        "one common word": ObjectSearch(words="zamek"),
        "cut off": ObjectSearch(words="portraitstat"),
        "misspelled": ObjectSearch(words="brucketoin"),
        "accession number": ObjectSearch(words="1900.77"),
        "prefix, dated, least certain": ObjectSearch(accession_number="19", confidence=Range(0, 0.01)),
        "nothing there": ObjectSearch(words="zeppelin hangar"),
    }
    figures = {}
    with engine.connect() as connection:
        for name, which in asked.items():
            search(connection, which)
            figures[name] = min(_timed(lambda w=which: search(connection, w))[0] for _ in range(3)) * 1000
    show(f"search among {OBJECTS:,} objects", ("words", "ms"), list(figures.items()))
    return figures


def _measure_migrations(engine: Engine) -> dict[str, float]:
    def rows() -> int:
        tables = ("objects", "scans", "versions", "derivatives", "reviews", "memberships")
        with engine.connect() as connection:
            counts = (connection.execute(text(f"SELECT count(*) FROM {name}")) for name in tables)  # noqa: S608
            return sum(count.scalar_one() for count in counts)

    before = rows()
    down, _ = _timed(lambda: migrate(engine, "0002"))
    up, _ = _timed(lambda: migrate(engine))
    figures = {"down_s": down, "up_s": up, "rows_before": before, "rows_after": rows()}
    show("migration of search, down and up with data in place", ("what", "value"), list(figures.items()))
    return figures


def _explain(connection: Connection, query: Select[Any]) -> Sequence[str]:
    statement = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    (plan,) = connection.execute(text(f"EXPLAIN (FORMAT JSON) {statement}").execution_options()).scalar_one()
    return list(_indexes(plan["Plan"]))


def _indexes(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for child in node.get("Plans", []):
        yield from _indexes(child)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    outcome = work()
    return time.perf_counter() - start, outcome


@contextmanager
def _computing(engine: Engine, figures: dict[str, float], name: str) -> Iterator[None]:
    """Note the processor time of this process and its server process: what other load changes least."""
    with engine.connect() as connection:
        server = psutil.Process(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    before = _processor_seconds(server)
    yield
    figures[name] = _processor_seconds(server) - before


def _processor_seconds(server: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in (psutil.Process(), server))


if __name__ == "__main__":
    sys.exit(main())
