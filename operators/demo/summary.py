"""What became of each photograph, read back from the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from catalog import collections, derivatives, kinds, scans
from catalog.derivatives import Version
from catalog.schema import events
from imaging.stage import Role

STAGES = ("restoration", "colorization", "provenance")


@dataclass(frozen=True)
class Summary:
    """One photograph after its way through the workflow; paths are ``None`` where nothing was made.

    Parameters
    ----------
    accession_number, title
        Its object in the catalog.
    damage
        Share of its pixels taken for damage, 0–1.
    confidence
        Mean confidence of its colors, 0–1.
    seconds
        What its stages took together when they were done.
    files
        How many files were made of it.
    original, restored, colorized, confidence_map
        Its pictures in the store.
    to_be_colored
        Whether it is one that gets colors.
    """

    accession_number: str
    title: str
    damage: float | None
    confidence: float | None
    seconds: float
    files: int
    original: Path | None
    restored: Path | None
    colorized: Path | None
    confidence_map: Path | None
    to_be_colored: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether it went all the way."""
        return self.restored is not None and (self.colorized is not None or not self.to_be_colored)


def summarize(connection: Connection, collection: str, store: Path) -> tuple[Summary, ...]:
    """Return a summary of every photograph of a collection, by accession number."""
    members = collections.members(connection, collection, limit=10_000)
    return tuple(
        _summary(connection, member.accession_number, member.title, member.id, store) for member in members
    )


def count_events(connection: Connection) -> int:
    """Return how many events the catalog records; a run that did no work adds none."""
    return connection.execute(select(func.count()).select_from(events)).scalar_one()


def _summary(connection: Connection, accession: str, title: str, object_id: int, store: Path) -> Summary:
    scan = next(iter(scans.of_object(connection, object_id)), None)
    versions = {
        stage: version
        for stage in STAGES
        if scan is not None and (version := derivatives.latest(connection, scan.id, stage)) is not None
    }
    return Summary(
        accession_number=accession,
        title=title,
        damage=_figure(versions.get("restoration"), "damage_share"),
        confidence=_figure(versions.get("colorization"), "mean_confidence"),
        seconds=sum(_figure(version, "seconds") or 0.0 for version in versions.values()),
        files=sum(len(version.derivatives) for version in versions.values()),
        original=store / scan.path if scan is not None and scan.path is not None else None,
        restored=_path(versions.get("restoration"), Role.RESTORED, store),
        colorized=_path(versions.get("colorization"), Role.COLORIZED, store),
        confidence_map=_path(versions.get("colorization"), Role.CONFIDENCE, store),
        to_be_colored=scan is None or kinds.treatment(connection, scan.id).colorized,
    )


def _figure(version: Version | None, name: str) -> float | None:
    value = None if version is None else version.figures.get(name)
    return float(value) if isinstance(value, int | float) else None


def _path(version: Version | None, role: Role, store: Path) -> Path | None:
    if version is None:
        return None
    return next((store / file.path for file in version.derivatives if file.role is role), None)
