"""A place in the queue, as it stands in an address: how it is filtered and ordered, and which review is open.

Pages hand it on from one to the next, so that deciding, going back and coming back keep to one queue.
"""

from __future__ import annotations

from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from catalog import queue
from catalog.iiif.addresses import path_token
from catalog.queue import Order, QueueFilter
from catalog.schema import ReviewState
from catalog.site.site import Site
from imaging.errors import OptionsError


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL cannot be looked for")
    return text


Words = Annotated[str, AfterValidator(_storable)]


class QueuePlace(BaseModel):
    """A queue and, where a photograph is open, its review's number in it.

    Parameters
    ----------
    state, order, collection
        As in `catalog.queue`; an empty collection is none.
    review
        The review that is open.
    """

    model_config = ConfigDict(frozen=True)

    state: ReviewState = ReviewState.PENDING
    order: Order = Order.CERTAINTY
    collection: Words = ""
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
        return QueueFilter(state=self.state, collection=self.collection or None)

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
