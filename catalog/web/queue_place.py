"""A place in the queue, as it stands in an address: how it is filtered and ordered, and which review is open.

Pages hand it on from one to the next, so that deciding, going back and coming back keep to one queue.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from catalog import queue
from catalog.iiif.addresses import path_token
from catalog.queue import Order
from catalog.queue_filter import QueueFilter, Range
from catalog.schema import ReviewState
from catalog.site.site import Site
from imaging.errors import OptionsError
from imaging.scan_kind import ScanKind

LONGEST_QUERY = 200
"""Of words to look for, characters."""


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL cannot be looked for")
    return text


Words = Annotated[str, AfterValidator(_storable)]


class Sureness(StrEnum):
    """How sure the colors are on the whole."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"

    @property
    def within(self) -> Range:
        """The confidences it means; those at a border are in both."""
        return {"low": Range(0, 0.4), "middle": Range(0.4, 0.7), "high": Range(0.7, 1)}[self.value]


class Wear(StrEnum):
    """How much of the picture was damaged."""

    LITTLE = "little"
    SOME = "some"
    MUCH = "much"

    @property
    def within(self) -> Range:
        """The shares it means; those at a border are in both."""
        return {"little": Range(0, 0.05), "some": Range(0.05, 0.15), "much": Range(0.15, 1)}[self.value]


class QueuePlace(BaseModel):
    """A queue and, where a photograph is open, its review's number in it.

    Parameters
    ----------
    state, order, collection, kind, reviewer, unanswered
        As in `catalog.queue`; empty ones do not matter.
    q
        Words to look for.
    sureness, wear
        Ranges of confidence and damage.
    review
        The review that is open.
    """

    model_config = ConfigDict(frozen=True)

    state: ReviewState = ReviewState.PENDING
    order: Order = Order.CERTAINTY
    collection: Words = ""
    q: Words = Field(default="", max_length=LONGEST_QUERY)
    sureness: Sureness | Literal[""] = ""
    wear: Wear | Literal[""] = ""
    kind: ScanKind | Literal[""] = ""
    reviewer: Words = ""
    unanswered: bool = False
    review: int | None = Field(default=None, ge=1, lt=2**63)

    @classmethod
    def read(cls, query: str) -> Self | None:
        """Return the place that a query string names; ``None`` for an empty one.

        Raises
        ------
        OptionsError
            It names no place.
        """
        if not query:
            return None
        try:
            return cls.model_validate(dict(parse_qsl(query, keep_blank_values=True)))
        except ValidationError as error:
            raise OptionsError("place", error.errors()[0]["msg"], "Open the queue again.") from error

    def query(self, **changes: Any) -> str:
        """Return the place as a query string without what is usual; `changes` replace parts or add others."""
        said = self.model_dump(mode="json", exclude_defaults=True) | changes
        return urlencode({name: value for name, value in said.items() if value not in {None, ""}})

    def which(self) -> QueueFilter:
        """Return the filter of the queue."""
        return QueueFilter(
            state=self.state,
            confidence=self.sureness.within if self.sureness else None,
            damage=self.wear.within if self.wear else None,
            collection=self.collection or None,
            words=self.q,
            kind=self.kind or None,
            reviewer=self.reviewer,
            unanswered=self.unanswered,
        )

    def queue_path(self, site: Site, **changes: Any) -> str:
        """Return the path of the queue's page."""
        return _path(f"{site.prefix}/", self.query(**{"review": None} | changes))

    def photograph_path(self, site: Site, item: queue.QueueItem, **more: Any) -> str:
        """Return the path of a photograph of the queue."""
        name = item.accession_number or item.original_name
        path = f"{site.prefix}/photographs/{path_token(name)}/"
        return _path(path, self.query(review=item.review.id, **more))


def _path(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
