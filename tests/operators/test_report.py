"""The run's last task is honest: whatever was lost on the way turns it red."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from operators.outcome import BatchOutcome, Failure, ScanReference
from operators.report import ReportOperator

STAGES = ("photographs.ingest", "photographs.describe")
BATCHES = [{"index": 0, "names": ["a.tif", "b.tif"]}, {"index": 1, "names": ["c.tif"]}]


def report(pulled: dict[str, Any]) -> dict[str, Any]:
    pushed: dict[str, Any] = {}
    instance = SimpleNamespace(xcom_pull=_by_task(pulled), xcom_push=pushed.__setitem__)
    result = ReportOperator(task_id="report", found_by="find_scans", stages=STAGES).execute({"ti": instance})
    assert pushed["report"] == result
    return result


def _by_task(pulled: dict[str, Any]) -> Callable[..., Any]:
    def xcom_pull(task_ids: str, key: str = "return_value") -> Any:
        return pulled.get(task_ids if key == "return_value" else key)

    return xcom_pull


def outcome(index: int, *scans: int, lost: tuple[Failure, ...] = ()) -> dict[str, Any]:
    return BatchOutcome(index, tuple(ScanReference(scan) for scan in scans), lost, fresh=len(scans)).to_xcom()


def test_everything_done_is_green() -> None:
    told = report({"find_scans": BATCHES, STAGES[1]: [outcome(0, 1, 2), outcome(1, 3)]})
    assert told == {
        "found": 3, "before": 0, "due": 0, "finished": 3, "fresh": 3, "lost": 0, "known": 0, "waiting": 0,
        "passed_over": 0, "remarks": 0,
    }  # fmt: skip


def test_remark_is_told_and_counted_and_leaves_the_run_green(capsys: pytest.CaptureFixture[str]) -> None:
    remarked = BatchOutcome(1, (ScanReference(3),), remarks=("look at c.tif",)).to_xcom()
    told = report({"find_scans": BATCHES, STAGES[1]: [outcome(0, 1, 2), remarked]})
    assert (told["remarks"], told["lost"]) == (1, 0)
    assert "look at c.tif" in capsys.readouterr().out


def test_what_the_listing_left_out_is_told() -> None:
    waiting = BatchOutcome(0, (ScanReference(1),), waiting=("b.tif",)).to_xcom()
    listing = {"found": 9, "before": 4, "due": 1, "known": 2, "waiting": 5, "others": 2}
    told = report({"find_scans": BATCHES, "listing": listing, STAGES[1]: [waiting, outcome(1, 3)]})
    assert (told["waiting"], told["passed_over"]) == (6, 2)
    assert (told["found"], told["before"], told["due"], told["known"]) == (9, 4, 1, 2)


def test_due_scan_whose_batch_never_ended_is_red_and_named() -> None:
    due = [{"index": 0, "names": [], "scans": [7]}]
    with pytest.raises(AirflowFailException, match=r"scan 7 of the catalog \(photographs\.ingest"):
        report({"find_scans": due})


def test_single_batch_that_airflow_unpacked_counts() -> None:
    assert report({"find_scans": BATCHES[1:], STAGES[1]: outcome(1, 3)})["finished"] == 1


def test_empty_inbox_is_green() -> None:
    assert report({"find_scans": []})["found"] == 0


def test_lost_photograph_is_red_and_named() -> None:
    lost = (Failure("b.tif", "restoration", "pixels are missing. Scan it again."),)
    with pytest.raises(AirflowFailException, match=r"b\.tif \(restoration: pixels are missing"):
        report({"find_scans": BATCHES, STAGES[1]: [outcome(0, 1, lost=lost), outcome(1, 3)]})


def test_what_was_told_before_does_not_fail_again() -> None:
    lost = (Failure("b.tif", "ingestion", "refused before", known=True),)
    told = report({"find_scans": BATCHES, STAGES[1]: [outcome(0, 1, lost=lost), outcome(1, 3)]})
    assert (told["known"], told["lost"]) == (1, 0)


def test_batch_that_never_ended_is_red_and_its_stage_named() -> None:
    pulled = {
        "find_scans": BATCHES,
        STAGES[0]: [outcome(0, 1, 2), outcome(1, 3)],
        STAGES[1]: outcome(0, 1, 2),
    }
    with pytest.raises(AirflowFailException, match=r"c\.tif \(photographs\.describe: its batch, number 1"):
        report(pulled)


def test_batches_that_never_came_are_red() -> None:
    with pytest.raises(AirflowFailException, match="all are lost"):
        report({})
