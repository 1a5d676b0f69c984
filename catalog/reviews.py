"""Reviews: what archivists decide about a version, and the queue they work through.

::

    pending ──→ approved ──→ rejected | returned      (withdrawn from the public)
       │  ╲──→ rejected ──→ pending                   (reopened)
       │   ╲─→ returned ──→ pending                   (with hints a new version follows; else reopened)
       ╰─────→ superseded                             (a newer version is there)

Approval makes the object public; taking an approval back withdraws it, unless another scan's approval holds.
A new version of the same pixels, about which only the catalog says something else, keeps the decision.
Each decision is one transaction's worth: state, hints, event and activity. A repeated `open_review` changes
nothing; a decision about a review that somebody else has decided meanwhile is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog import activities, derivatives, events, hints
from catalog.agents import Agent, ensure
from catalog.derivatives import Version
from catalog.hints import Hint
from catalog.provenance.vocabulary import Stage
from catalog.rows import columns, read
from catalog.schema import (
    AgentRole,
    EventOutcome,
    EventType,
    ReviewState,
    agents,
    objects,
    reviews,
    scans,
    versions,
)
from imaging.errors import CatalogError

_NEXT = {
    ReviewState.PENDING: {ReviewState.APPROVED, ReviewState.REJECTED, ReviewState.RETURNED},
    ReviewState.APPROVED: {ReviewState.REJECTED, ReviewState.RETURNED},
    ReviewState.REJECTED: {ReviewState.PENDING},
    ReviewState.RETURNED: {ReviewState.PENDING},
    ReviewState.SUPERSEDED: set(),
}


@dataclass(frozen=True, kw_only=True)
class Review:
    """A review's row.

    Parameters
    ----------
    confidence, damage
        Mean confidence of the colors and share of the picture that was damaged, both 0–1; ``None`` when the
        version was not colorized or not restored.
    revision
        How often it was decided; hand it to `decide` to be told when somebody was faster.
    """

    id: int
    version_id: int
    scan_id: int
    state: ReviewState
    confidence: float | None
    damage: float | None
    reviewer: str | None
    reason: str
    opened_at: datetime
    decided_at: datetime | None
    revision: int


def open_review(connection: Connection, version_id: int) -> Review:
    """Hand a version to the archivists, once; pending reviews of earlier versions are superseded.

    What was approved or rejected of the same pixels stays so.
    """
    path = derivatives.lineage(connection, version_id)
    if not path:
        raise CatalogError(f"version {version_id}", "is not in the catalog", "Record the version first.")
    row = {
        "version_id": version_id,
        "scan_id": path[-1].scan_id,
        "state": ReviewState.PENDING,
        "confidence": _newest_figure(path, "mean_confidence"),
        "damage": _newest_figure(path, "damage_share"),
    }
    opened = insert(reviews).values(row).on_conflict_do_nothing().returning(reviews.c.id)
    if connection.execute(opened).scalar() is not None:
        _supersede(connection, path[-1].scan_id, version_id, {ReviewState.PENDING})
        _keep_decision(connection, path[-1])
    return of_version(connection, version_id)


def decide(
    connection: Connection,
    review_id: int,
    decision: ReviewState,
    reviewer: Agent,
    *,
    reason: str = "",
    given: Iterable[Hint] = (),
    revision: int | None = None,
) -> Review:
    """Record what `reviewer` decided, and all that follows from it.

    Parameters
    ----------
    reason
        Why; needed for a rejection or a return.
    given
        Hints with their sources, for the version to come.
    revision
        The revision that the reviewer saw.

    Raises
    ------
    CatalogError
        The decision does not follow from the present state, somebody else was faster, or a reason is missing.
    """
    review = _locked(connection, review_id)
    _check(review, decision, reason, revision)
    hints.give(connection, review.scan_id, given, reviewer)
    now = datetime.now(UTC)
    connection.execute(
        update(reviews)
        .where(reviews.c.id == review_id)
        .values(
            state=decision,
            reason=reason.strip(),
            reviewer_id=ensure(connection, reviewer),
            decided_at=now,
            revision=review.revision + 1,
        )
    )
    key = derivatives.get(connection, review.version_id).store_key
    events.record(connection, _event(get(connection, review_id), key, reviewer, now))
    if decision is ReviewState.APPROVED:
        _supersede(connection, review.scan_id, review.version_id, {ReviewState.PENDING, ReviewState.APPROVED})
    if ReviewState.APPROVED in {decision, review.state}:
        _tell_the_public(connection, review.scan_id)
    return get(connection, review_id)


def get(connection: Connection, review_id: int) -> Review:
    """Return a review; raise `CatalogError` when there is none."""
    row = connection.execute(_reviews().where(reviews.c.id == review_id)).one_or_none()
    if row is None:
        raise CatalogError(f"review {review_id}", "is not in the catalog", "Check its number.")
    return read(Review, row)


def of_version(connection: Connection, version_id: int) -> Review:
    """Return the review of a version; raise `CatalogError` when there is none."""
    row = connection.execute(_reviews().where(reviews.c.version_id == version_id)).one_or_none()
    if row is None:
        raise CatalogError(f"version {version_id}", "is not under review", "Open a review of it first.")
    return read(Review, row)


def of_scan(connection: Connection, scan_id: int) -> tuple[Review, ...]:
    """Return a scan's reviews, oldest first."""
    query = _reviews().where(reviews.c.scan_id == scan_id).order_by(reviews.c.id)
    return tuple(read(Review, row) for row in connection.execute(query))


def approved_version(connection: Connection, scan_id: int) -> Version | None:
    """Return the version of a scan that the public sees, or ``None``."""
    query = select(reviews.c.version_id).where(
        reviews.c.scan_id == scan_id, reviews.c.state == ReviewState.APPROVED
    )
    version_id = connection.execute(query).scalar()
    return None if version_id is None else derivatives.get(connection, version_id)


def _reviews() -> Select[*tuple[Any, ...]]:
    return select(*columns(reviews, Review), agents.c.name.label("reviewer")).outerjoin(
        agents, agents.c.id == reviews.c.reviewer_id
    )


def _locked(connection: Connection, review_id: int) -> Review:
    # All decisions about one scan take turns, for an approval changes the reviews beside it.
    scan_id = get(connection, review_id).scan_id
    connection.execute(select(scans.c.id).where(scans.c.id == scan_id).with_for_update(key_share=True))
    return get(connection, review_id)


def _check(review: Review, decision: ReviewState, reason: str, revision: int | None) -> None:
    subject = f"review {review.id}"
    if revision is not None and revision != review.revision:
        fault = f"was {review.state} by {review.reviewer or 'the workflow'} meanwhile"
        raise CatalogError(subject, fault, "Look at it again before deciding.")
    if decision not in _NEXT[review.state]:
        allowed = ", ".join(sorted(_NEXT[review.state])) or "nothing, for it is final"
        raise CatalogError(
            subject, f"is {review.state} and can not become {decision}", f"It can become: {allowed}."
        )
    if decision in {ReviewState.REJECTED, ReviewState.RETURNED} and not reason.strip():
        raise CatalogError(subject, f"is to be {decision} without a reason", "Say what is wrong.")


def _event(decided: Review, key: str, reviewer: Agent, now: datetime) -> events.Event:
    return events.Event(
        occasion=f"review of {key} at {now.isoformat()}",
        type=EventType.APPRAISAL,
        outcome=EventOutcome.FAIL if decided.state is ReviewState.REJECTED else EventOutcome.SUCCESS,
        detail=f"{decided.state}: {decided.reason}" if decided.reason else decided.state.value,
        started_at=now,
        ended_at=now,
        participants=(events.Participant(reviewer, AgentRole.AUTHORIZER),),
        scan_id=decided.scan_id,
        version_id=decided.version_id,
    )


def _supersede(connection: Connection, scan_id: int, version_id: int, states: set[ReviewState]) -> None:
    connection.execute(
        update(reviews)
        .where(
            reviews.c.scan_id == scan_id,
            reviews.c.version_id < version_id
            if states == {ReviewState.PENDING}
            else reviews.c.version_id != version_id,
            reviews.c.state.in_(sorted(states)),
        )
        .values(state=ReviewState.SUPERSEDED, revision=reviews.c.revision + 1)
    )


def _keep_decision(connection: Connection, version: Version) -> None:
    """Pass the decision about an earlier version of the same pixels on to this one.

    Tagging leaves the pixels of what it read as they are; what other stages make is always new.
    """
    if version.stage != Stage.PROVENANCE:
        return
    latest = (
        select(reviews.c.id, reviews.c.state, reviews.c.reason, reviews.c.reviewer_id, reviews.c.decided_at)
        .join(versions, versions.c.id == reviews.c.version_id)
        .where(
            reviews.c.scan_id == version.scan_id,
            reviews.c.version_id < version.id,
            reviews.c.state.in_([ReviewState.APPROVED, ReviewState.REJECTED]),
            versions.c.stage == version.stage,
            versions.c.input_sha256 == version.input_sha256,
        )
        .order_by(reviews.c.id.desc())
        .limit(1)
    )
    decided = connection.execute(latest).one_or_none()
    if decided is None:
        return
    superseded = {"state": ReviewState.SUPERSEDED, "revision": reviews.c.revision + 1}
    connection.execute(update(reviews).where(reviews.c.id == decided.id).values(superseded))
    kept = {**decided._mapping, "revision": 1}
    del kept["id"]
    connection.execute(update(reviews).where(reviews.c.version_id == version.id).values(kept))
    if decided.state is ReviewState.APPROVED:
        _tell_the_public(connection, version.scan_id)


def _tell_the_public(connection: Connection, scan_id: int) -> None:
    object_id = connection.execute(select(scans.c.object_id).where(scans.c.id == scan_id)).scalar_one()
    if object_id is None:
        return
    # Decisions about the scans of one object take turns: each must see what the other left approved.
    connection.execute(select(objects.c.id).where(objects.c.id == object_id).with_for_update(key_share=True))
    still = (
        select(func.count())
        .select_from(reviews.join(scans, scans.c.id == reviews.c.scan_id))
        .where(scans.c.object_id == object_id, reviews.c.state == ReviewState.APPROVED)
    )
    if connection.execute(still).scalar_one():
        activities.publish(connection, object_id)
    else:
        activities.withdraw(connection, object_id)


def _newest_figure(path: Iterable[Version], name: str) -> float | None:
    values = [version.figures[name] for version in path if version.figures.get(name) is not None]
    return float(values[-1]) if values and isinstance(values[-1], int | float) else None
