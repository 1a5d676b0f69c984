"""The operator that audits the store's fixity, see `catalog.provenance.audit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from operators.hooks import CatalogHook
from operators.progress import Progress

if TYPE_CHECKING:
    from airflow.sdk import Context


class AuditFixityOperator(BaseOperator):
    """Reads a rotating share of the store again; quarantines what has changed, and then fails and names it.

    Parameters
    ----------
    weeks
        In how many weekly runs everything is read once; 1 reads all.
    """

    template_fields: Sequence[str] = ("weeks",)
    ui_color = "#f0ead2"

    def __init__(self, *, weeks: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weeks = weeks

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the report; raise `AirflowFailException` when anything was lost."""
        from operators.work.auditing import audit  # loads the catalog

        with closing(CatalogHook()) as hook:
            report = audit(
                hook.engine,
                hook.store,
                moment=context["dag_run"].run_after or datetime.now(UTC),
                weeks=int(self.weeks),
                occasion=f"{context['dag'].dag_id} {context['run_id']}",
                progress=Progress(0, context.get("task_state_store")),
            )
        for stranger in report.strangers:
            self.log.info("%s is intact, but not in the catalog", stranger)
        for key in report.dropped:
            self.log.info("%s: abandoned partial work was removed", key)
        for failure in report.losses:
            faults = "; ".join(failure.faults)
            self.log.error("%s: %s; now in %s", failure.address, faults, failure.quarantined)
        if not report.intact:
            addresses = ", ".join(failure.address[:12] for failure in report.losses)
            raise AirflowFailException(
                f"{len(report.losses)} of {report.entries + report.originals} were damaged: {addresses}"
            )
        return dict(json.loads(report.to_json()))
