"""Detecting the kinds of scans that come in: a scan's kind decides how it is processed.

A scan is examined once; a new version of the method examines it again. A kind set in a run's form holds for
its scans from then on, unless somebody has set the kind of a single one.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from sqlalchemy import Engine

from catalog import kinds
from catalog.agents import Agent
from catalog.database import in_transaction
from catalog.scans import Scan
from catalog.store import Store
from imaging.errors import ScanError
from imaging.kind_detector import VERSION, classify_scan
from imaging.scan_kind import ScanKind
from operators.work.event_context import event_context

log = logging.getLogger(__name__)


def detect_kind(engine: Engine, store: Store, scan: Scan) -> tuple[str, ...]:
    """Detect a scan's kind if it is not known; return remarks for a person to look at."""
    with engine.connect() as connection:
        known = kinds.of_scan(connection, scan.id)
    if scan.path is None or (known is not None and known.method == VERSION):
        return ()
    began = datetime.now(UTC)
    try:
        report = classify_scan(store.resolve(scan.path), page=scan.page)
    except ScanError as error:
        # The restoration reads all of it too, and refuses it with the reason in the catalog.
        log.info("%s: its kind cannot be detected: %s", scan.original_name, error)
        return ()
    in_transaction(engine, lambda connection: kinds.record(connection, scan.id, report, event_context(began)))
    log.info("%s: %s. %s", scan.original_name, report.kind.label, report.reason)
    if report.kind is not ScanKind.NEGATIVE or (known is not None and known.said is not None):
        return ()
    return (f"{scan.original_name} looks like a negative. {report.kind.consequence}",)


def set_kind(engine: Engine, scan: Scan, kind: ScanKind, by: Agent) -> None:
    """Record the kind that a run's form sets for its scans."""
    in_transaction(engine, lambda connection: kinds.overrule(connection, scan.id, kind, by, yields=True))
