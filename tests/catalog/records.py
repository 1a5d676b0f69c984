"""Records for tests, complete and distinct."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from catalog.agents import software
from catalog.events import Participant
from catalog.outcomes import EventContext
from catalog.scans import ScanRecord
from catalog.schema import AgentRole
from imaging.stage import ModelReference, OutputFile, Role, StageResult

BEGAN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PROGRAM = Participant(software("Heliochrome", "0.1.0"), AgentRole.EXECUTING_PROGRAM)
EVENT_CONTEXT = EventContext(BEGAN, BEGAN + timedelta(seconds=3), (PROGRAM,), "x86_64, 2 cores")


def digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def scan_record(name: str = "scan", object_id: int | None = None) -> ScanRecord:
    return ScanRecord(
        sha256=digest(name),
        path=f"originals/{digest(name)[:2]}/{digest(name)}",
        original_name=f"{name}.tif",
        bytes=1000,
        width=40,
        height=30,
        bits=8,
        media_type="image/tiff",
        object_id=object_id,
    )


def output(role: Role, words: str, name: str | None = None) -> OutputFile:
    return OutputFile(role, name or f"{role}.tif", digest(words), len(words), "image/tiff", 40, 30, 8)


def restoration(scan: str = "scan", take: str = "") -> StageResult:
    return StageResult(
        "restoration",
        "1",
        digest(scan),
        (output(Role.RESTORED, f"{scan}+{take}"), output(Role.DAMAGE_MASK, f"{scan} mask {take}")),
        parameters={"strength": 0.5, "take": take},
        figures={"damage_share": 0.125, "seconds": 1.5},
        regions=({"kind": "dust", "polygon": [[0, 0], [1, 0], [1, 1]]},),
    )


def colorization(scan: str = "scan", take: str = "", of: str = "", confidence: float = 0.75) -> StageResult:
    return StageResult(
        "colorization",
        "2",
        digest(f"{scan}+{of}"),
        (output(Role.COLORIZED, f"{scan} color {take}"), output(Role.CONFIDENCE, f"{scan} sure {take}")),
        models=(ModelReference("helio-net", "1.0", digest("weights")),),
        figures={"mean_confidence": confidence},
    )
