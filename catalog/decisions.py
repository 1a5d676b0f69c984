"""The record of decisions: who decided what when, and what stood before, so that it can be undone.

Written in the transaction of the decision (`catalog.reviews.decide`); `catalog.undo` reads what to restore.
Entries are kept for good, undone ones too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, insert, select, update

from catalog.agents import Agent, ensure
from catalog.schema import ReviewState, agents, decisions, objects, reviews, scans
from catalog.table_rows import columns
from imaging.errors import CatalogError

MOST_RECENT = 500


@dataclass(frozen=True)
class Replaced:
    """What a review was before a decision changed it.

    Parameters
    ----------
    review
        Its number.
    state, reason, reviewer_id, decided_at
        As they stood; `decided_at` in the form of ISO 8601.
    revision
        The revision that the decision left it with: another one tells that more has happened since.
    """

    review: int
    state: str
    reason: str
    reviewer_id: int | None
    decided_at: str | None
    revision: int


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A decision's row, with what the photograph is known by; `replaced` begins with the decided review."""

    id: int
    review_id: int
    decision: ReviewState
    reason: str
    decided_at: datetime
    replaced: tuple[Replaced, ...]
    hints: tuple[int, ...]
    batch: UUID | None
    """What it has in common with others that were made at one stroke."""
    undone_at: datetime | None
    reviewer: str
    undone_by: str | None
    scan_id: int
    revision: int
    """That the decided review has now."""
    name: str
    accession_number: str | None

    @property
    def stands(self) -> bool:
        """Whether it was not undone, and its review not decided anew."""
        return self.undone_at is None and self.revision == self.replaced[0].revision


def record(
    connection: Connection,
    review_id: int,
    decision: ReviewState,
    reviewer: Agent,
    *,
    reason: str,
    decided_at: datetime,
    replaced: Iterable[Replaced],
    hints: Iterable[int],
    batch: UUID | None = None,
) -> int:
    """Record a decision; return its number."""
    row = {
        "review_id": review_id,
        "decision": decision,
        "reason": reason,
        "reviewer_id": ensure(connection, reviewer),
        "decided_at": decided_at,
        "replaced": [asdict(one) for one in replaced],
        "hints": list(hints),
        "batch": batch,
    }
    number: int = connection.execute(insert(decisions).values(row).returning(decisions.c.id)).scalar_one()
    return number


def get(connection: Connection, decision_id: int) -> Decision:
    """Return a decision; raise `CatalogError` when there is none."""
    row = connection.execute(_decisions().where(decisions.c.id == decision_id)).one_or_none()
    if row is None:
        raise CatalogError(f"decision {decision_id}", "is not in the catalog", "Look at the history.")
    return _read(row._mapping)


def latest(connection: Connection, review_id: int) -> Decision | None:
    """Return the latest decision about a review that was not undone, or ``None``."""
    query = _decisions().where(decisions.c.review_id == review_id, decisions.c.undone_at.is_(None))
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else _read(row._mapping)


def recent(connection: Connection, limit: int = 100) -> tuple[Decision, ...]:
    """Return the latest decisions of all archivists, newest first."""
    query = _decisions().limit(min(limit, MOST_RECENT))
    return tuple(_read(row._mapping) for row in connection.execute(query))


def of_batch(connection: Connection, batch: UUID) -> tuple[Decision, ...]:
    """Return the decisions that were made at one stroke."""
    query = _decisions().where(decisions.c.batch == batch)
    return tuple(_read(row._mapping) for row in connection.execute(query))


def mark_undone(connection: Connection, decision_id: int, by: Agent) -> None:
    """Record that a decision was undone, and by whom."""
    undone = {"undone_at": func.now(), "undone_by_id": ensure(connection, by)}
    connection.execute(update(decisions).where(decisions.c.id == decision_id).values(undone))


def _decisions() -> Select[*tuple[Any, ...]]:
    undoers = agents.alias()
    return (
        select(
            *columns(decisions, Decision),
            agents.c.name.label("reviewer"),
            undoers.c.name.label("undone_by"),
            reviews.c.scan_id,
            reviews.c.revision,
            func.coalesce(func.nullif(objects.c.title, ""), scans.c.original_name).label("name"),
            objects.c.accession_number,
        )
        .join(reviews, reviews.c.id == decisions.c.review_id)
        .join(scans, scans.c.id == reviews.c.scan_id)
        .join(agents, agents.c.id == decisions.c.reviewer_id)
        .outerjoin(objects, objects.c.id == scans.c.object_id)
        .outerjoin(undoers, undoers.c.id == decisions.c.undone_by_id)
        .order_by(decisions.c.decided_at.desc(), decisions.c.id.desc())
    )


def _read(row: Any) -> Decision:
    values = dict(row)
    replaced = tuple(Replaced(**one) for one in values.pop("replaced"))
    return Decision(**values | {"replaced": replaced, "hints": tuple(values["hints"])})
