"""Publication of a collection as a static site, with an event for all that it puts before the public."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from catalog import events
from catalog.database import in_transaction
from catalog.events import Event
from catalog.iiif.records import Institution
from catalog.schema import EventOutcome, EventType
from catalog.site.static_site import Dissemination, Progress, Published, publish
from operators.work.event_context import event_context


def publish_collection(
    engine: Engine,
    store_root: Path,
    slug: str,
    folder: Path,
    address: str,
    *,
    institution: Institution | None = None,
    masters: bool = False,
    progress: Progress | None = None,
) -> Published:
    """Write the site of a collection and record its disseminations; return what was done.

    The arguments and errors are those of `catalog.site.static_site.publish`. What is unchanged on the site is
    not recorded again. The events stand before the folder's state does: after a crash in between, the next
    publication finds the same to record, which changes nothing.
    """
    started = datetime.now(UTC)

    def record(disseminated: tuple[Dissemination, ...]) -> None:
        happened = [_event(one, started) for one in disseminated]
        in_transaction(engine, lambda connection: _record(connection, happened))

    return publish(
        engine,
        store_root,
        slug,
        folder,
        address,
        institution=institution,
        masters=masters,
        progress=progress,
        disseminated=record,
    )


def _record(connection: Connection, happened: Iterable[Event]) -> None:
    for event in happened:
        events.record(connection, event)


def _event(one: Dissemination, started: datetime) -> Event:
    context = event_context(started)
    return Event(
        occasion=f"dissemination of scan {one.scan_id} by {one.manifest} {one.sha256}",
        type=EventType.DISSEMINATION,
        outcome=EventOutcome.SUCCESS,
        detail=one.manifest,
        scan_id=one.scan_id,
        version_id=one.version_id,
        started_at=context.started_at,
        ended_at=context.ended_at,
        participants=context.participants,
        machine=context.machine,
    )
