"""Taking back a decision: all reviews that it changed are again what they were, its hints are withdrawn.

Only what nothing else has followed can be undone: a later decision about the same photograph, or a version
that was made since, stands in the way. An undone decision stays on record, and undoing it is an event.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, update

from catalog import decisions, derivatives, events, given_hints, reviews
from catalog.agents import Agent
from catalog.decisions import Decision, Replaced
from catalog.events import Participant
from catalog.reviews import Review
from catalog.schema import AgentRole, EventOutcome, EventType, ReviewState
from catalog.schema import reviews as rows
from imaging.errors import CatalogError


def undo(connection: Connection, decision_id: int, by: Agent) -> Review:
    """Take a decision back and return the review as it is then.

    Raises
    ------
    CatalogError
        There is no such decision, it was undone already, or something else has followed it.
    """
    reviews.lock(connection, decisions.get(connection, decision_id).review_id)
    decision = decisions.get(connection, decision_id)
    _check(connection, decision)
    for one in decision.replaced:
        _restore(connection, one)
    for hint in decision.hints:
        given_hints.withdraw(connection, hint, by)
    decisions.mark_undone(connection, decision_id, by)
    review = reviews.get(connection, decision.review_id)
    _record_event(connection, decision, review, by)
    if ReviewState.APPROVED in {decision.decision, *(ReviewState(one.state) for one in decision.replaced)}:
        reviews.tell_the_public(connection, review.scan_id)
    return review


def _check(connection: Connection, decision: Decision) -> None:
    subject = f"the decision about {decision.name}"
    remedy = "Decide about the photograph anew."
    if decision.undone_at is not None:
        raise CatalogError(subject, f"was undone by {decision.undone_by}", "Look at the photograph.")
    now = {review.id: review for review in reviews.of_scan(connection, decision.scan_id)}
    for one in decision.replaced:
        if now[one.review].revision != one.revision:
            changed = now[one.review]
            fault = f"was followed by another: {changed.state} by {changed.reviewer or 'the workflow'}"
            raise CatalogError(subject, fault, remedy)
    if any(review.opened_at > decision.decided_at for review in now.values()):
        raise CatalogError(subject, "was followed by a newer version", remedy)


def _restore(connection: Connection, one: Replaced) -> None:
    former = {
        "state": ReviewState(one.state),
        "reason": one.reason,
        "reviewer_id": one.reviewer_id,
        "decided_at": datetime.fromisoformat(one.decided_at) if one.decided_at else None,
        "revision": rows.c.revision + 1,
    }
    connection.execute(update(rows).where(rows.c.id == one.review).values(former))


def _record_event(connection: Connection, decision: Decision, review: Review, by: Agent) -> None:
    now = datetime.now(UTC)
    key = derivatives.get(connection, review.version_id).store_key
    events.record(
        connection,
        events.Event(
            occasion=f"undoing of decision {decision.id} about {key} at {now.isoformat()}",
            type=EventType.APPRAISAL,
            outcome=EventOutcome.SUCCESS,
            detail=f"undone: {decision.decision}",
            started_at=now,
            ended_at=now,
            participants=(Participant(by, AgentRole.AUTHORIZER),),
            scan_id=review.scan_id,
            version_id=review.version_id,
        ),
    )
