"""Versions (one outcome of one stage for one scan) and derivatives (the files of a version).

Natural key: scan and store key. A repeat finds the version; different work makes the next number of its
stage. Nothing here is ever overwritten, but for the digests of files that were lost and made anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog.schema import derivatives, scans, versions
from catalog.store import entry_path
from catalog.table_rows import columns, read
from imaging.errors import CatalogError
from imaging.stage import Role, Scalar, StageResult


@dataclass(frozen=True, kw_only=True)
class Derivative:
    """One file of a version; `path` is relative to the store's root, the rest as in `OutputFile`."""

    id: int
    version_id: int
    role: Role
    name: str
    sha256: str
    bytes: int
    media_type: str
    width: int | None
    height: int | None
    bits: int | None
    path: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One outcome of one stage for one scan; `number` counts from 1 per scan and stage."""

    id: int
    scan_id: int
    stage: str
    number: int
    store_key: str
    input_sha256: str
    stage_version: str
    parameters: Mapping[str, Scalar]
    figures: Mapping[str, Scalar]
    regions: tuple[Mapping[str, Any], ...]
    created_at: datetime
    derivatives: tuple[Derivative, ...]

    def derivative(self, role: Role) -> Derivative:
        """Return the first derivative with `role`; raise `KeyError` when there is none."""
        for candidate in self.derivatives:
            if candidate.role is role:
                return candidate
        raise KeyError(role)


@dataclass(frozen=True)
class Recorded:
    """A version, and whether this call recorded it (`fresh`), or found it lost and made anew (`remade`)."""

    version: Version
    fresh: bool
    remade: bool = False


def record(connection: Connection, scan_id: int, key: str, result: StageResult) -> Recorded:
    """Record a stage's outcome, which lies in the store under `key`, unless it is recorded."""
    # Writers to one scan take turns, so that numbers have no gaps and no twins.
    turn = select(scans.c.id).where(scans.c.id == scan_id).with_for_update(key_share=True)
    if connection.execute(turn).scalar() is None:
        raise CatalogError(f"scan {scan_id}", "is not in the catalog", "Register the scan first.")
    if found := _where(connection, (versions.c.scan_id == scan_id) & (versions.c.store_key == key)):
        return _again(connection, found[0], key, result)
    ours = (versions.c.scan_id == scan_id) & (versions.c.stage == result.stage)
    number = select(func.coalesce(func.max(versions.c.number), 0) + 1).where(ours).scalar_subquery()
    version_id = connection.execute(
        insert(versions)
        .values(
            scan_id=scan_id,
            stage=result.stage,
            number=number,
            store_key=key,
            input_sha256=result.input_sha256,
            stage_version=result.version,
            parameters=dict(result.parameters),
            figures=dict(result.figures),
            regions=[dict(region) for region in result.regions],
        )
        .returning(versions.c.id)
    ).scalar_one()
    if result.files:
        paths = ({**asdict(file), "path": entry_path(key, file.name).as_posix()} for file in result.files)
        connection.execute(insert(derivatives), [{**values, "version_id": version_id} for values in paths])
    return Recorded(get(connection, version_id), fresh=True)


def mark_lost(connection: Connection, version_id: int) -> None:
    """Record that a version's files are not in the store any more, or not what they were."""
    lost = update(versions).where(versions.c.id == version_id, versions.c.lost_at.is_(None))
    connection.execute(lost.values(lost_at=func.now()))


def mark_found(connection: Connection, version_id: int) -> None:
    """Record that a version's files are in the store, and what they were."""
    found = update(versions).where(versions.c.id == version_id, versions.c.lost_at.is_not(None))
    connection.execute(found.values(lost_at=None))


def _again(connection: Connection, version: Version, key: str, result: StageResult) -> Recorded:
    mark_found(connection, version.id)
    # Files that were lost and made anew from the same input need not have the same bytes: signatures differ.
    known = {derivative.name: derivative.sha256 for derivative in version.derivatives}
    changed = [file for file in result.files if known.get(file.name) != file.sha256]
    for file in changed:
        path = entry_path(key, file.name).as_posix()
        values = {**asdict(file), "version_id": version.id, "path": path}
        new = insert(derivatives).values(values)
        connection.execute(new.on_conflict_do_update(index_elements=["version_id", "name"], set_=values))
    return (
        Recorded(get(connection, version.id), fresh=False, remade=True)
        if changed
        else Recorded(version, False)
    )


def get(connection: Connection, version_id: int) -> Version:
    """Return a version; raise `CatalogError` when there is none."""
    if found := _where(connection, versions.c.id == version_id):
        return found[0]
    raise CatalogError(f"version {version_id}", "is not in the catalog", "Check its number.")


def of_scan(connection: Connection, scan_id: int, stage: str | None = None) -> tuple[Version, ...]:
    """Return a scan's versions, of one stage or of all, in the order they were made."""
    ours = versions.c.scan_id == scan_id
    return _where(connection, ours if stage is None else ours & (versions.c.stage == stage))


def latest(connection: Connection, scan_id: int, stage: str) -> Version | None:
    """Return the newest version of a stage for a scan, or ``None``."""
    found = of_scan(connection, scan_id, stage)
    return max(found, key=lambda version: version.number, default=None)


def by_sha256(connection: Connection, sha256: str) -> tuple[Version, ...]:
    """Return the versions that have a derivative with these bytes, oldest first."""
    holders = select(derivatives.c.version_id).where(derivatives.c.sha256 == sha256)
    return _where(connection, versions.c.id.in_(holders))


def lineage(connection: Connection, version_id: int) -> tuple[Version, ...]:
    """Return the versions that a version was made through, from the scan's first stage to itself.

    Each is found by its digest: the file that a version's stage read is a file of an earlier version.
    """
    chain = select(versions.c.id, versions.c.scan_id, versions.c.input_sha256).where(
        versions.c.id == version_id
    )
    child = chain.cte("lineage", recursive=True)
    earlier = (
        select(versions.c.id, versions.c.scan_id, versions.c.input_sha256)
        .join(derivatives, derivatives.c.version_id == versions.c.id)
        .join(
            child,
            (derivatives.c.sha256 == child.c.input_sha256)
            & (versions.c.scan_id == child.c.scan_id)
            & (versions.c.id < child.c.id),
        )
    )
    return _where(connection, versions.c.id.in_(select(child.union(earlier).c.id)))


def _where(connection: Connection, condition: Any) -> tuple[Version, ...]:
    query: Select[*tuple[Any, ...]] = (
        select(*columns(versions, Version)).where(condition).order_by(versions.c.id)
    )
    rows = connection.execute(query).all()
    files = _derivatives(connection, [row.id for row in rows])
    return tuple(
        Version(**{**row._mapping, "regions": tuple(row.regions)}, derivatives=tuple(files[row.id]))
        for row in rows
    )


def _derivatives(connection: Connection, version_ids: Iterable[int]) -> Mapping[int, list[Derivative]]:
    query = (
        select(*columns(derivatives, Derivative))
        .where(derivatives.c.version_id.in_(list(version_ids)))
        .order_by(derivatives.c.id)
    )
    files: defaultdict[int, list[Derivative]] = defaultdict(list)
    for row in connection.execute(query):
        files[row.version_id].append(read(Derivative, row))
    return files


def bytes_per_original_byte(connection: Connection) -> float | None:
    """Return how many bytes were made of each byte of an original so far; ``None`` where nothing was."""
    made = select(func.sum(derivatives.c.bytes)).scalar_subquery()
    finished = scans.c.id.in_(select(versions.c.scan_id))
    of = select(func.sum(scans.c.bytes)).where(finished).scalar_subquery()
    made_bytes, of_bytes = connection.execute(select(made, of)).one()
    return float(made_bytes / of_bytes) if made_bytes and of_bytes else None
