"""What pages and bulk decisions have in common: one decision, with what a new version would come from."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from catalog import due, kinds, reviews
from catalog.agents import Agent
from catalog.given_hints import Hint
from catalog.reviews import Review
from catalog.schema import ReviewState
from imaging.errors import CatalogError
from imaging.scan_kind import ScanKind


def decide(
    connection: Connection,
    number: int,
    decision: ReviewState,
    reviewer: Agent,
    *,
    reason: str,
    revision: int,
    given: Sequence[Hint] = (),
    kind: ScanKind | None = None,
    batch: UUID | None = None,
) -> Review:
    """Record a decision about a review (`catalog.reviews.decide`).

    With a return, `kind` is set for the scan, if given.

    Raises
    ------
    CatalogError
        The decision is refused, or the return would lead to the same version again.
    """
    review = reviews.decide(
        connection, number, decision, reviewer, reason=reason, given=given, revision=revision, batch=batch
    )
    if decision is not ReviewState.RETURNED:
        return review
    if kind is not None:
        kinds.overrule(connection, review.scan_id, kind, reviewer)
    if not due.leads_on(connection, number):
        raise CatalogError(
            f"review {number}",
            "is to be sent back, but nothing has been said that a new version could follow",
            "Place a color hint with its source, or say what the scan is.",
        )
    return review
