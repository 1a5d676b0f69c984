"""Decisions as pages show them: the one just made, and the history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from catalog import decisions
from catalog.decisions import Decision
from catalog.iiif.addresses import path_token
from catalog.schema import ReviewState
from catalog.site.site import Site
from imaging.errors import CatalogError


def said(decision: Decision) -> str:
    """Return a decision in words, such as ``“Harbor” (1987.1) approved``."""
    number = f" ({decision.accession_number})" if decision.accession_number else ""
    return f"“{decision.name}”{number} {_word(decision)}"


def decided_values(connection: Connection, site: Site, number: int | None) -> dict[str, Any] | None:
    """Return what a page says of the decision just made; ``None`` when there is none that could be undone."""
    if number is None:
        return None
    try:
        decision = decisions.get(connection, number)
    except CatalogError:
        return None
    return row(site, decision) if decision.stands else None


def batch_values(connection: Connection, site: Site, batch: UUID | None) -> dict[str, Any] | None:
    """Return what a page says of decisions made at one stroke; ``None`` when none of them stands."""
    made = [one for one in decisions.of_batch(connection, batch) if one.stands] if batch else []
    if not made:
        return None
    many = f"{len(made)} photographs" if len(made) > 1 else "One photograph"
    return {"said": f"{many} {_word(made[0])}", "undo": f"{site.prefix}/batches/{batch}/undo"}


def row(site: Site, decision: Decision) -> dict[str, Any]:
    """Return a decision as a row of the history."""
    token = path_token(decision.accession_number) if decision.accession_number else None
    return {
        "said": said(decision),
        "word": _word(decision),
        "name": decision.name,
        "accession": decision.accession_number or "",
        "href": f"{site.prefix}/photographs/{token}/" if token else None,
        "reviewer": decision.reviewer,
        "reason": decision.reason,
        "iso": decision.decided_at.isoformat(),
        "when": f"{decision.decided_at:%Y-%m-%d %H:%M}",
        "undone_by": decision.undone_by,
        "undo": undo_path(site, decision) if decision.stands else None,
    }


def undo_path(site: Site, decision: Decision) -> str:
    """Return the path to which a decision's undoing is posted."""
    return f"{site.prefix}/decisions/{decision.id}/undo"


def _word(decision: Decision) -> str:
    return "reopened" if decision.decision is ReviewState.PENDING else str(decision.decision)
