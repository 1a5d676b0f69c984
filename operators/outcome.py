"""The outcome of a batch of photographs, small enough for XCom: which scans go on, what was lost and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from imaging.errors import HeliochromeError


@dataclass(frozen=True)
class Failure:
    """Why a photograph does not go on to the next stage.

    Parameters
    ----------
    photograph
        Its file name in the inbox.
    stage
        The stage that failed.
    reason
        The error's text: what is wrong and what to do.
    known
        Whether an earlier run reported the same for the same file.
    """

    photograph: str
    stage: str
    reason: str
    known: bool = False

    @classmethod
    def of(cls, error: HeliochromeError, stage: str, photograph: str, *, known: bool = False) -> Failure:
        """Return the failure that an error means."""
        return cls(photograph, stage, f"{error.fault.rstrip('.')}. {error.remedy}", known)


@dataclass(frozen=True)
class ScanReference:
    """A scan's catalog id, and those of the versions that this run made or found for it."""

    scan: int
    versions: tuple[int, ...] = ()

    def with_version(self, version: int) -> ScanReference:
        """Return the reference after one more stage."""
        return replace(self, versions=(*self.versions, version))


@dataclass(frozen=True)
class ItemResult:
    """The result of one stage for one photograph: the scans that go on, the failures, and what was made.

    Remarks state what somebody should check although all went on.
    """

    scans: tuple[ScanReference, ...] = ()
    lost: tuple[Failure, ...] = ()
    fresh: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchOutcome:
    """The outcome of one batch so far; each stage adds to that of the stage before.

    Parameters
    ----------
    index
        The batch's number in its run.
    scans
        Those that go on.
    lost
        Why others do not.
    waiting
        Names of files that are still being written; the next run takes them.
    fresh
        How many stage results were made, not found.
    remarks
        What somebody should check although it went on.
    """

    index: int
    scans: tuple[ScanReference, ...] = ()
    lost: tuple[Failure, ...] = ()
    waiting: tuple[str, ...] = ()
    fresh: int = 0
    remarks: tuple[str, ...] = ()

    def after(
        self,
        scans: tuple[ScanReference, ...],
        lost: tuple[Failure, ...],
        waiting: tuple[str, ...],
        fresh: int,
        remarks: tuple[str, ...] = (),
    ) -> BatchOutcome:
        """Return the outcome after one more stage."""
        return replace(
            self,
            scans=scans,
            lost=self.lost + lost,
            waiting=self.waiting + waiting,
            fresh=self.fresh + fresh,
            remarks=self.remarks + remarks,
        )

    def to_xcom(self) -> dict[str, Any]:
        """Return the outcome as plain JSON, which a tuple would not be."""
        return dict(json.loads(json.dumps(asdict(self))))

    @classmethod
    def from_xcom(cls, raw: Mapping[str, Any]) -> BatchOutcome:
        """Read what `to_xcom` returned."""
        return cls(
            index=raw["index"],
            scans=tuple(ScanReference(p["scan"], tuple(p["versions"])) for p in raw["scans"]),
            lost=tuple(Failure(**failure) for failure in raw["lost"]),
            waiting=tuple(raw["waiting"]),
            fresh=raw["fresh"],
            # Not in what runs of earlier versions handed on.
            remarks=tuple(raw.get("remarks", ())),
        )
