"""PREMIS events: what happened to a scan and its versions, when, by whom and how it ended.

Natural key: the occasion, a sentence that is the same whenever the same thing is recorded again; the event's
UUID is derived from it, so a repeat writes nothing. Events are never changed.
See https://www.loc.gov/standards/premis/v3/ (semantic units 2.1–2.7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Connection, RowMapping, select
from sqlalchemy.dialects.postgresql import insert

from catalog.agents import Agent, ensure, model
from catalog.derivatives import Version, lineage
from catalog.schema import AgentRole, EventOutcome, EventType, agents, event_agents, events
from catalog.table_rows import columns
from imaging.stage import Scalar, StageResult

NAMESPACE = UUID("5f0c4d3e-5d0a-5b0e-9d6b-4a3c1f6f7a11")
"""In which occasions become UUIDs; it must never change."""


@dataclass(frozen=True)
class Participant:
    """An agent, and what it did in an event."""

    agent: Agent
    role: AgentRole


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event.

    Parameters
    ----------
    occasion
        What makes it this event and no other; for a stage's outcome the scan, store key, stage and outcome.
    type, outcome, detail
        As in PREMIS; `detail` is for people.
    started_at, ended_at
        Moments with time zone.
    participants
        The programs, models and people involved.
    scan_id, version_id
        The rows it is about.
    stage, store_key
        Of a stage's outcome.
    input_sha256, output_sha256
        Digests of the file that was read and of those that were written.
    parameters
        The options in force.
    machine
        The class of machine it ran on, such as ``x86_64, 16 cores, no accelerator``.
    """

    occasion: str
    type: EventType
    outcome: EventOutcome
    started_at: datetime
    ended_at: datetime
    participants: tuple[Participant, ...] = ()
    detail: str = ""
    scan_id: int | None = None
    version_id: int | None = None
    stage: str = ""
    store_key: str | None = None
    input_sha256: str | None = None
    output_sha256: tuple[str, ...] = ()
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    machine: str = ""

    @property
    def uuid(self) -> UUID:
        """The event's identifier, the same in every catalog that records the occasion."""
        return uuid5(NAMESPACE, self.occasion)


def of_stage(
    key: str,
    result: StageResult,
    *,
    scan: str,
    scan_id: int,
    version_id: int,
    started_at: datetime,
    ended_at: datetime,
    participants: tuple[Participant, ...] = (),
    machine: str = "",
) -> Event:
    """Return the event of a stage that succeeded, with its models among the participants.

    `scan` says which scan it was in every catalog: scans whose pixels are equal share a store key.
    """
    models = tuple(Participant(model(reference), AgentRole.MODEL) for reference in result.models)
    return Event(
        occasion=f"{result.stage} {key} {EventOutcome.SUCCESS} of {scan}",
        type=EventType.CREATION,
        outcome=EventOutcome.SUCCESS,
        started_at=started_at,
        ended_at=ended_at,
        participants=participants + models,
        scan_id=scan_id,
        version_id=version_id,
        stage=result.stage,
        store_key=key,
        input_sha256=result.input_sha256,
        output_sha256=tuple(file.sha256 for file in result.files),
        parameters=result.parameters,
        machine=machine,
    )


def record(connection: Connection, event: Event) -> bool:
    """Record an event; return whether it was new."""
    values = {name: getattr(event, name) for name in _STORED}
    values |= {
        "uuid": event.uuid,
        "parameters": dict(event.parameters),
        "output_sha256": list(event.output_sha256),
    }
    new = insert(events).values(values).on_conflict_do_nothing().returning(events.c.id)
    event_id = connection.execute(new).scalar()
    if event_id is None:
        return False
    for participant in sorted(set(event.participants), key=repr):
        agent_id = ensure(connection, participant.agent)
        row = {"event_id": event_id, "agent_id": agent_id, "role": participant.role}
        connection.execute(insert(event_agents).values(row))
    return True


def succeeded(connection: Connection, version_id: int, key: str) -> bool:
    """Return whether the success that made a version, stored under `key`, is recorded."""
    query = select(events.c.id).where(
        events.c.version_id == version_id,
        events.c.store_key == key,
        events.c.outcome == EventOutcome.SUCCESS,
    )
    return connection.execute(query.limit(1)).scalar() is not None


def of_scan(connection: Connection, scan_id: int) -> tuple[Event, ...]:
    """Return the events of a scan and its versions, in the order they began."""
    return _where(connection, events.c.scan_id == scan_id)


def chain(connection: Connection, version: Version) -> tuple[Event, ...]:
    """Return the events that led from the scan to a version: ingestion first, its own last."""
    path = [step.id for step in lineage(connection, version.id)]
    about_the_scan = events.c.version_id.is_(None) & (events.c.scan_id == version.scan_id)
    return _where(
        connection,
        events.c.version_id.in_(path) | (about_the_scan & (events.c.type == EventType.INGESTION)),
    )


def that_made(version: Version, happened: Iterable[Event]) -> Event | None:
    """Return the first of a scan's events in which its stage made a version, ``None`` when none is told."""
    succeeded = (
        event
        for event in happened
        if event.version_id == version.id
        and event.stage == version.stage
        and event.type in {EventType.CREATION, EventType.METADATA_MODIFICATION}
        and event.outcome is not EventOutcome.FAIL
    )
    return next(succeeded, None)


_STORED = tuple(name for name in (spec.name for spec in fields(Event)) if name not in {"participants"})


def _where(connection: Connection, condition: ColumnElement[bool]) -> tuple[Event, ...]:
    query = (
        select(events.c.id, *columns(events, Event))
        .where(condition)
        .order_by(events.c.started_at, events.c.id)
    )
    rows = connection.execute(query).all()
    participants = _participants(connection, [row.id for row in rows])
    return tuple(_event(row._mapping, participants[row.id]) for row in rows)


def _event(row: RowMapping, participants: list[Participant]) -> Event:
    values = {name: value for name, value in row.items() if name != "id"}
    outputs = tuple(values.pop("output_sha256"))
    return Event(**values, output_sha256=outputs, participants=tuple(participants))


def _participants(connection: Connection, event_ids: list[int]) -> Mapping[int, list[Participant]]:
    query = (
        select(event_agents.c.event_id, event_agents.c.role, *columns(agents, Agent))
        .join(agents)
        .where(event_agents.c.event_id.in_(event_ids))
        .order_by(event_agents.c.role, agents.c.id)
    )
    found: defaultdict[int, list[Participant]] = defaultdict(list)
    for event_id, role, *agent in connection.execute(query):
        found[event_id].append(Participant(Agent(*agent), role))
    return found
