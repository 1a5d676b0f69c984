"""The last task of a run: sums up its results, and fails when anything was lost.

Runs whatever happened before it, so that no lost batch, not even a missing list of batches, ends in a
green run. What earlier runs lost in the same way, and reported, does not fail this one; it is named again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from operators.find_scans import LISTING
from operators.outcome import BatchOutcome, Failure

if TYPE_CHECKING:
    from airflow.sdk import Context

NAMED = 20
"""How many losses the error message names; the log and the catalog name all."""


class ReportOperator(BaseOperator):
    """Adds up the outcomes of all batches and fails when photographs were lost.

    Parameters
    ----------
    found_by
        Task id of the `operators.find_scans.FindScansOperator`.
    stages
        Task ids of the stages in order; the last one's outcomes count.
    """

    ui_color = "#f7f7f2"

    def __init__(self, *, found_by: str, stages: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**{"trigger_rule": "all_done", "retries": 0, **kwargs})
        self.found_by = found_by
        self.stages = stages

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the sum; raise `AirflowFailException` when anything was lost."""
        batches = context["ti"].xcom_pull(task_ids=self.found_by)
        if batches is None:
            raise AirflowFailException(f"{self.found_by} returned no list of scans: all are lost")
        outcomes, lost = self._outcomes(context, batches)
        known = [failure for outcome in outcomes for failure in outcome.lost if failure.known]
        lost += [failure for outcome in outcomes for failure in outcome.lost if not failure.known]
        for failure in (*known, *lost):
            self.log.warning("%s, %s: %s", failure.photograph, failure.stage, failure.reason)
        listing = context["ti"].xcom_pull(task_ids=self.found_by, key=LISTING) or {}
        remarks = [remark for outcome in outcomes for remark in outcome.remarks]
        for remark in remarks:
            self.log.warning("%s", remark)
        report = {
            "found": listing.get("found", sum(len(batch["names"]) for batch in batches)),
            "before": listing.get("before", 0),
            "due": listing.get("due", 0),
            "finished": len({reference.scan for outcome in outcomes for reference in outcome.scans}),
            "fresh": sum(outcome.fresh for outcome in outcomes),
            "lost": len(lost),
            "known": listing.get("known", 0) + len(known),
            "waiting": listing.get("waiting", 0) + sum(len(outcome.waiting) for outcome in outcomes),
            "passed_over": listing.get("others", 0),
            "remarks": len(remarks),
        }
        self.log.info(
            "%(found)d files found, %(before)d of them finished before, %(due)d scans due; "
            "%(finished)d scans finished, %(lost)d lost, %(known)d refused before, %(waiting)d still being "
            "written, %(passed_over)d that are not pictures, %(remarks)d remarks; "
            "%(fresh)d stage results made",
            report,
        )
        context["ti"].xcom_push("report", report)
        if lost:
            raise AirflowFailException(_message(lost))
        return report

    def _outcomes(
        self, context: Context, batches: Sequence[dict[str, Any]]
    ) -> tuple[list[BatchOutcome], list[Failure]]:
        finished = self._outcomes_of(context, self.stages[-1])
        lost: list[Failure] = []
        for batch in batches:
            index = batch["index"]
            if index not in finished:
                stage = self._where_it_ended(context, index)
                reason = f"its batch, number {index}, ended in {stage}; that task's log shows why"
                due = [f"scan {scan} of the catalog" for scan in batch.get("scans", ())]
                lost += [Failure(name, stage, reason) for name in (*batch["names"], *due)]
        return list(finished.values()), lost

    def _where_it_ended(self, context: Context, index: int) -> str:
        for stage in self.stages:
            if index not in self._outcomes_of(context, stage):
                return stage
        return self.stages[-1]

    def _outcomes_of(self, context: Context, task_id: str) -> dict[int, BatchOutcome]:
        pulled = context["ti"].xcom_pull(task_ids=task_id)
        # Of a task that was mapped once, Airflow hands over the one value itself.
        values = [pulled] if isinstance(pulled, dict) else pulled or []
        outcomes = (BatchOutcome.from_xcom(value) for value in values if value is not None)
        return {outcome.index: outcome for outcome in outcomes}


def _message(lost: Sequence[Failure]) -> str:
    named = "; ".join(f"{one.photograph} ({one.stage}: {one.reason})" for one in lost[:NAMED])
    more = f"; and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    return f"{len(lost)} photographs were lost: {named}{more}"
