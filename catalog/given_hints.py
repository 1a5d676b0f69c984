"""Color hints: what somebody knows about a spot's color, and how they know it.

A hint belongs to the scan and stands until it is withdrawn; every colorization of the scan takes the standing
ones. None is ever deleted, for versions made with it refer to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog.agents import Agent, ensure
from catalog.schema import agents, hints
from catalog.table_rows import columns, read
from imaging.errors import CatalogError

LEAST_RADIUS = 1e-6
"""Of a spot, as a share of the longer side; colorizing refuses smaller ones."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, kw_only=True)
class Hint:
    """One hint.

    Parameters
    ----------
    x, y
        The spot's center, 0–1 of the upright picture's width and height.
    radius
        Of the spot, `LEAST_RADIUS`–1 of the longer side.
    a, b
        The color's chroma in CIE L*a*b* (D65).
    color
        The color as it was given, ``#rrggbb`` (sRGB); empty where only its chroma is known.
    source
        Who or what says so: "letter of A. Novak to her sister".
    citation
        Where that can be looked up: a shelf mark, a page, an address.
    source_date
        When the source was written, as it says.
    """

    x: float
    y: float
    radius: float
    a: float
    b: float
    source: str
    citation: str = ""
    source_date: str = ""
    color: str = ""


@dataclass(frozen=True, kw_only=True)
class GivenHint(Hint):
    """A hint's row: who entered it and when, and who withdrew it when, if anybody did."""

    id: int
    scan_id: int
    author: str
    given_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    """``None`` also for those withdrawn before that was recorded."""


def checked(hint: Hint) -> Hint:
    """Return the hint; raise `CatalogError` when a number is out of its range or the source is missing."""
    ranges = {"x": (0, 1), "y": (0, 1), "radius": (LEAST_RADIUS, 1), "a": (-128, 127), "b": (-128, 127)}
    for name, (low, high) in ranges.items():
        value = getattr(hint, name)
        if not low <= value <= high:
            raise CatalogError("hint", f"{name} {value} is outside {low}–{high}", "Place the hint again.")
    if hint.color and not _COLOR.fullmatch(hint.color):
        raise CatalogError("hint", f"color {hint.color!r} is not of the form #rrggbb", "Choose it again.")
    if not hint.source.strip():
        raise CatalogError(
            "hint",
            "has no source",
            "Say who or what knows the color: a letter, a witness, a surviving object.",
        )
    return hint


def give(
    connection: Connection,
    scan_id: int,
    given: Iterable[Hint],
    author: Agent,
    *,
    at: datetime | None = None,
) -> tuple[int, ...]:
    """Add hints to a scan and return their numbers; one that stands already is not added twice.

    `at` says when they were given, where that was before now.
    """
    author_id = ensure(connection, author)
    standing_ones = {_plain(hint) for hint in standing(connection, scan_id)}
    fresh = [hint for hint in dict.fromkeys(map(checked, given)) if hint not in standing_ones]
    when = {} if at is None else {"given_at": at}
    rows = [{**asdict(hint), "scan_id": scan_id, "author_id": author_id, **when} for hint in fresh]
    return tuple(
        connection.execute(insert(hints).values(row).returning(hints.c.id)).scalar_one() for row in rows
    )


def withdraw(connection: Connection, hint_id: int, by: Agent) -> int:
    """Take a hint out of use; the first to do so stays on record with it. Return the scan it was given for.

    Raises
    ------
    CatalogError
        There is no such hint.
    """
    withdrawn = (
        update(hints)
        .where(hints.c.id == hint_id)
        .values(
            withdrawn_at=func.coalesce(hints.c.withdrawn_at, func.now()),
            withdrawn_by_id=case(
                (hints.c.withdrawn_at.is_(None), ensure(connection, by)), else_=hints.c.withdrawn_by_id
            ),
        )
        .returning(hints.c.scan_id)
    )
    scan_id: int | None = connection.execute(withdrawn).scalar()
    if scan_id is None:
        raise CatalogError(f"hint {hint_id}", "is not in the catalog", "Look at the photograph again.")
    return scan_id


def standing(connection: Connection, scan_id: int) -> tuple[GivenHint, ...]:
    """Return a scan's hints that are in use, oldest first."""
    return tuple(hint for hint in of_scan(connection, scan_id) if hint.withdrawn_at is None)


def of_scan(connection: Connection, scan_id: int) -> tuple[GivenHint, ...]:
    """Return all hints ever given for a scan, oldest first."""
    withdrawers = agents.alias()
    query = (
        select(
            *columns(hints, GivenHint),
            agents.c.name.label("author"),
            withdrawers.c.name.label("withdrawn_by"),
        )
        .join(agents, agents.c.id == hints.c.author_id)
        .outerjoin(withdrawers, withdrawers.c.id == hints.c.withdrawn_by_id)
        .where(hints.c.scan_id == scan_id)
        .order_by(hints.c.id)
    )
    return tuple(read(GivenHint, row) for row in connection.execute(query))


def followed(given: Iterable[GivenHint], began: datetime) -> tuple[GivenHint, ...]:
    """Return those of a scan's hints that stood when a colorization began: those that it followed."""
    return tuple(
        hint
        for hint in given
        if hint.given_at <= began and (hint.withdrawn_at is None or hint.withdrawn_at > began)
    )


def _plain(hint: Hint) -> Hint:
    return Hint(**{name: getattr(hint, name) for name in Hint.__dataclass_fields__})
