"""The weekly fixity audit: a rotating share of the store is read again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from catalog.provenance.audit import AuditOptions, AuditReport, audit_fixity
from catalog.store import Store
from operators.progress import Progress
from operators.work.event_context import machine, program

SECONDS_PER_WEEK = 7 * 24 * 3600


def audit(
    engine: Engine, store: Store, *, moment: datetime, weeks: int, occasion: str, progress: Progress
) -> AuditReport:
    """Read the share of the store whose turn it is in the week of `moment`.

    Parameters
    ----------
    weeks
        In how many weeks everything is read once; 1 reads all.
    occasion
        Names the audit; what was recorded under the same name is not recorded again.
    """
    options = AuditOptions(
        turn=int(moment.timestamp()) // SECONDS_PER_WEEK,
        of=weeks,
        occasion=occasion,
        machine=machine(),
        participants=(program(),),
    )

    def update(done: int, total: int) -> None:
        progress.total, progress.done = total, done
        progress.share(0.0)

    progress.begin("the store")
    return audit_fixity(engine, store, options, progress=update)
