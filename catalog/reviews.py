"""Reviews: what archivists decide about a version, and the queue they work through.

::

    pending ──→ approved ──→ rejected | returned      (withdrawn from the public)
       │  ╲──→ rejected ──→ pending                   (reopened)
       │   ╲─→ returned ──→ pending                   (reopened, or a hint that led on from it was withdrawn)
       ╰─────→ superseded                             (a newer version is there)

    approved | returned ──→ superseded                (another version was approved)
    pending | approved | rejected ←─→ superseded      (another version of the same pixels has its place)

Approval makes the object public; taking an approval back withdraws it, unless another scan's approval holds.
Versions of the same pixels, about which only the catalog says something else, have one decision among them:
the one that a run came to last has it, be it new or one of before. With hints a returned version is followed
by a new one; when a hint is withdrawn and a run comes back to the former, that waits again. So does one that
has colors, or none, as somebody has said since that the scan should.
Each decision is one transaction's worth: state, hints, event, activity, and what stood before, which
`catalog.undo` restores. A repeated `open_review` changes nothing; a decision about a review that somebody
else has decided meanwhile is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog import activities, decisions, derivatives, events, given_hints, kinds
from catalog.agents import Agent, ensure
from catalog.decisions import Replaced
from catalog.derivatives import Version
from catalog.given_hints import Hint
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
from catalog.table_rows import columns, read
from catalog.vocabulary import Stage
from imaging.errors import CatalogError

_NEXT = {
    ReviewState.PENDING: {ReviewState.APPROVED, ReviewState.REJECTED, ReviewState.RETURNED},
    ReviewState.APPROVED: {ReviewState.REJECTED, ReviewState.RETURNED},
    ReviewState.REJECTED: {ReviewState.PENDING},
    ReviewState.RETURNED: {ReviewState.PENDING},
    ReviewState.SUPERSEDED: set(),
}
# Without the returned ones: new words may be just what a return asked for.
_SHARED = (ReviewState.PENDING, ReviewState.APPROVED, ReviewState.REJECTED)


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

    Where another version of the same pixels waits or was approved or rejected, this one takes its place, and
    reviews of other pixels stay as they are. One that was superseded comes back in the same way; one that was
    returned, when a hint was withdrawn since and the newest is returned, too.

    Raises
    ------
    CatalogError
        There is no such version.
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
    fresh = connection.execute(opened).scalar() is not None
    review = of_version(connection, version_id)
    if fresh or review.state is ReviewState.SUPERSEDED:
        taken = _take_over(connection, path[-1])
        if fresh and not taken:
            _supersede(
                connection,
                reviews.c.scan_id == review.scan_id,
                reviews.c.version_id < version_id,
                reviews.c.state == ReviewState.PENDING,
            )
        if not fresh and not taken:
            _come_back(connection, review, path)
    elif _is_returned_to(connection, review):
        _let_wait(connection, review)
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
    batch: UUID | None = None,
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
    batch
        What it has in common with other decisions that are made at one stroke.

    Raises
    ------
    CatalogError
        The decision does not follow from the present state, somebody else was faster, or a reason is missing.
    """
    lock(connection, review_id)
    review = get(connection, review_id)
    _check(review, decision, reason, revision)
    now, reviewer_id = datetime.now(UTC), ensure(connection, reviewer)
    others = _beside(connection, review) if decision is ReviewState.APPROVED else ()
    replaced = _as_they_stand(connection, [review_id, *others])
    hints = given_hints.give(connection, review.scan_id, given, reviewer)
    decided = {"state": decision, "reason": reason.strip(), "reviewer_id": reviewer_id, "decided_at": now}
    connection.execute(
        update(reviews).where(reviews.c.id == review_id).values(decided | {"revision": review.revision + 1})
    )
    _supersede(connection, reviews.c.id.in_(others))
    key = derivatives.get(connection, review.version_id).store_key
    events.record(connection, _event(get(connection, review_id), key, reviewer, now))
    decisions.record(
        connection,
        review_id,
        decision,
        reviewer,
        reason=reason.strip(),
        decided_at=now,
        replaced=replaced,
        hints=hints,
        batch=batch,
    )
    if ReviewState.APPROVED in {decision, review.state}:
        tell_the_public(connection, review.scan_id)
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


def lock(connection: Connection, review_id: int) -> None:
    """Let decisions about one scan take turns, for an approval changes the reviews beside it.

    Raises
    ------
    CatalogError
        There is no such review.
    """
    scan_id = get(connection, review_id).scan_id
    connection.execute(select(scans.c.id).where(scans.c.id == scan_id).with_for_update(key_share=True))


def tell_the_public(connection: Connection, scan_id: int) -> None:
    """Publish the scan's object, or withdraw it where none of its scans is approved any more."""
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


def _beside(connection: Connection, review: Review) -> Sequence[int]:
    """Return the reviews whose place the approval of one takes."""
    beside = select(reviews.c.id).where(
        reviews.c.scan_id == review.scan_id,
        reviews.c.id != review.id,
        reviews.c.state.in_([ReviewState.PENDING, ReviewState.APPROVED, ReviewState.RETURNED]),
    )
    return connection.execute(beside.order_by(reviews.c.id)).scalars().all()


def _as_they_stand(connection: Connection, numbers: Sequence[int]) -> list[Replaced]:
    """Return what these reviews are, in this order, with the revisions that the next change leaves."""
    rows = {row.id: row for row in connection.execute(select(reviews).where(reviews.c.id.in_(numbers)))}
    return [
        Replaced(
            row.id,
            row.state.value,
            row.reason,
            row.reviewer_id,
            row.decided_at.isoformat() if row.decided_at else None,
            row.revision + 1,
        )
        for row in (rows[number] for number in numbers)
    ]


def _check(review: Review, decision: ReviewState, reason: str, revision: int | None) -> None:
    subject = f"review {review.id}"
    if revision is not None and revision != review.revision:
        fault = f"was {review.state} by {review.reviewer or 'the workflow'} meanwhile"
        raise CatalogError(subject, fault, "Look at it again before deciding.")
    if decision not in _NEXT[review.state]:
        allowed = ", ".join(sorted(_NEXT[review.state])) or "nothing, for it is final"
        raise CatalogError(
            subject, f"is {review.state} and cannot become {decision}", f"It can become: {allowed}."
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


def _supersede(connection: Connection, *which: ColumnElement[bool]) -> None:
    superseded = {"state": ReviewState.SUPERSEDED, "revision": reviews.c.revision + 1}
    connection.execute(update(reviews).where(*which).values(superseded))


def _take_over(connection: Connection, version: Version) -> bool:
    """Give a version the place of another one of the same pixels; return whether there was such.

    Tagging leaves the pixels of what it read as they are; what other stages make is always new.
    """
    if version.stage != Stage.PROVENANCE:
        return False
    twins = select(versions.c.id).where(
        versions.c.scan_id == version.scan_id,
        versions.c.id != version.id,
        versions.c.stage == version.stage,
        versions.c.input_sha256 == version.input_sha256,
    )
    of_twins, waits = reviews.c.version_id.in_(twins), reviews.c.state == ReviewState.PENDING
    shared = (
        select(reviews.c.id, reviews.c.state, reviews.c.reason, reviews.c.reviewer_id, reviews.c.decided_at)
        .where(of_twins, reviews.c.state.in_(_SHARED))
        # What was decided counts for more than what still waits.
        .order_by(waits, reviews.c.id.desc())
        .limit(1)
    )
    former = connection.execute(shared).one_or_none()
    if former is None:
        return False
    _supersede(connection, of_twins, or_(reviews.c.id == former.id, waits))
    taken = {**former._mapping, "revision": reviews.c.revision + 1}
    del taken["id"]
    connection.execute(update(reviews).where(reviews.c.version_id == version.id).values(taken))
    if former.state is ReviewState.APPROVED:
        tell_the_public(connection, version.scan_id)
    return True


def _is_returned_to(connection: Connection, review: Review) -> bool:
    """Return whether a hint was withdrawn since a version was returned, and what followed is returned, too.

    Without both, runs with changing options would undo decisions again and again.
    """
    standing = [one for one in of_scan(connection, review.scan_id) if one.state is not ReviewState.SUPERSEDED]
    if review.id == standing[-1].id or not review.state is standing[-1].state is ReviewState.RETURNED:
        return False
    return any(
        hint.withdrawn_at and review.decided_at and hint.withdrawn_at > review.decided_at
        for hint in given_hints.of_scan(connection, review.scan_id)
    )


def _come_back(connection: Connection, review: Review, path: Iterable[Version]) -> None:
    """Let a version wait again in the place of one that has colors and should not, or the other way round."""
    should = kinds.treatment(connection, review.scan_id).colorized
    waiting = [one for one in of_scan(connection, review.scan_id) if one.state is ReviewState.PENDING]
    if _is_colored(path) is not should or not waiting:
        return
    if any(_is_colored(derivatives.lineage(connection, one.version_id)) is should for one in waiting):
        return
    _supersede(connection, reviews.c.id.in_([one.id for one in waiting]))
    _let_wait(connection, review)


def _is_colored(path: Iterable[Version]) -> bool:
    return any(version.stage == Stage.COLORIZATION for version in path)


def _let_wait(connection: Connection, review: Review) -> None:
    waiting = {"state": ReviewState.PENDING, "reason": "", "reviewer_id": None, "decided_at": None}
    again = update(reviews).where(reviews.c.id == review.id)
    connection.execute(again.values(waiting | {"revision": reviews.c.revision + 1}))


def _newest_figure(path: Iterable[Version], name: str) -> float | None:
    values = [version.figures[name] for version in path if version.figures.get(name) is not None]
    return float(values[-1]) if values and isinstance(values[-1], int | float) else None
