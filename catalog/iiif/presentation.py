"""What a photograph shows, and to whom: from the catalog's rows to manifests and served files.

Only reads. The public sees an object that is published, of each scan the version that an archivist approved,
and the pictures that led to it; staff see the version that waits for them, else the newest that stands. A
picture can be served exactly when a manifest for the same audience shows it: both are decided here, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, select

from catalog import collections, derivatives, events, given_hints, objects, reviews, scans
from catalog.collections import Collection
from catalog.derivatives import Derivative, Version
from catalog.given_hints import GivenHint, Hint
from catalog.iiif.addresses import Addresses
from catalog.iiif.manifest import build_manifest
from catalog.iiif.records import (
    DYNAMIC_SERVER,
    CanvasImage,
    Capabilities,
    CollectionLink,
    DamagedRegion,
    Institution,
    PhotographRecord,
    SourcedHint,
    View,
)
from catalog.iiif.service_copies import ServedScan
from catalog.objects import CatalogObject
from catalog.reviews import Review
from catalog.scans import Scan
from catalog.schema import AgentRole, ReviewState
from catalog.schema import scans as scan_rows
from catalog.vocabulary import Stage
from imaging.stage import Role

HINT_LIGHTNESS = 60.0
"""L* at which a hint's color is shown: a hint has none of its own."""

_SHOWN = (Role.RESTORED, Role.COLORIZED, Role.ALTERNATIVE, Role.CONFIDENCE)
_SHOWN_TO_STAFF = (*_SHOWN, Role.DAMAGE_MASK)
_PAGE_MARK = "-p"
_IMAGE = re.compile(rf"[0-9a-f]{{64}}({_PAGE_MARK}[1-9][0-9]{{0,5}})?")


class Audience(StrEnum):
    """For whom something is shown."""

    PUBLIC = "public"
    STAFF = "staff"


@dataclass(frozen=True)
class ShownFile:
    """A file that a view shows.

    Parameters
    ----------
    image
        Its identifier in the image service: the digest of its bytes, and ``-pN`` for page N of a scan.
    role
        What it is to the photograph.
    path
        Where it lies, relative to the store's root.
    page
        Page in the file.
    sha256, media_type, width, height
        As the catalog has them.
    label
        What tells it from others of its role.
    """

    image: str
    role: Role
    path: PurePosixPath
    page: int
    sha256: str
    media_type: str
    width: int
    height: int
    label: str | None = None

    def served(self, store_root: Path) -> ServedScan:
        """Return an original as the image service serves it."""
        return ServedScan(self.image, store_root / self.path, self.page, self.width * self.height)


@dataclass(frozen=True)
class ShownScan:
    """What is shown of one scan: its files, the version they come from, and the versions that led to it."""

    scan: Scan
    version: Version | None
    lineage: tuple[Version, ...]
    files: tuple[ShownFile, ...]
    review: Review | None


@dataclass(frozen=True)
class ShownObject:
    """What an audience sees of an object."""

    object: CatalogObject
    audience: Audience
    scans: tuple[ShownScan, ...]


def shown_object(connection: Connection, accession: str, audience: Audience) -> ShownObject | None:
    """Return what `audience` sees of the object; ``None`` when that is nothing."""
    found = objects.find(connection, accession)
    if found is None or (audience is Audience.PUBLIC and found.published_at is None):
        return None
    candidates = (_shown_scan(connection, scan, audience) for scan in scans.of_object(connection, found.id))
    shown = tuple(scan for scan in candidates if scan is not None)
    return ShownObject(found, audience, shown) if shown else None


def nested_collections(
    connection: Connection, slug: str | None, audience: Audience
) -> tuple[Collection, ...]:
    """Return the collections right inside one, or those inside none, that `audience` may know of."""
    inside = collections.children(connection, slug)
    return tuple(one for one in inside if may_know_of(connection, one.slug, audience))


def may_know_of(connection: Connection, slug: str, audience: Audience) -> bool:
    """Return whether `audience` may know that a collection exists: the public, when it shows something."""
    return (
        audience is Audience.STAFF
        or collections.size(connection, slug, published=True) > 0
        or bool(nested_collections(connection, slug, audience))
    )


def provenance_files(shown: ShownObject) -> tuple[Derivative, ...]:
    """Return the files of the provenance records of what is shown: at most one of each scan."""
    return tuple(
        file
        for scan in shown.scans
        for file in (scan.version.derivatives if scan.version else ())
        if file.role is Role.PROVENANCE
    )


def manifest_of(
    connection: Connection,
    shown: ShownObject,
    addresses: Addresses,
    institution: Institution | None = None,
    capabilities: Capabilities = DYNAMIC_SERVER,
) -> bytes:
    """Return the manifest of what is shown."""
    record = PhotographRecord(
        accession=shown.object.accession_number,
        title=shown.object.title,
        date_text=shown.object.date_text,
        maker=shown.object.maker,
        source=shown.object.source,
        summary=shown.object.description,
        rights=shown.object.rights or None,
    )
    return build_manifest(
        record,
        [_view(connection, scan, shown.audience) for scan in shown.scans],
        addresses,
        institution=institution,
        models=_models(connection, shown.scans),
        collections=[
            CollectionLink(collection.slug, collection.title)
            for collection in collections.of_object(connection, shown.object.id)
        ],
        capabilities=replace(capabilities, provenance=bool(provenance_files(shown))),
    )


def is_image(identifier: str) -> bool:
    """Return whether an identifier has the form of those in `ShownFile.image`; no other means a picture."""
    return _IMAGE.fullmatch(identifier) is not None


def shown_file(
    connection: Connection, image: str, audience: Audience
) -> tuple[CatalogObject, ShownFile] | None:
    """Return the file that the image service calls `image`, and its object, if `audience` may see it."""
    if not is_image(image):
        return None
    digest, _, _ = image.partition(_PAGE_MARK)
    scan_ids = {version.scan_id for version in derivatives.by_sha256(connection, digest)}
    scan_ids |= set(connection.execute(select(scan_rows.c.id).where(scan_rows.c.sha256 == digest)).scalars())
    object_ids = {scans.get(connection, scan_id).object_id for scan_id in scan_ids} - {None}
    for found in objects.by_id(connection, [number for number in object_ids if number is not None]).values():
        shown = shown_object(connection, found.accession_number, audience)
        for scan in shown.scans if shown else ():
            for file in scan.files:
                if file.image == image:
                    return found, file
    return None


def served_scan(scan: Scan, store_root: Path) -> ServedScan | None:
    """Return a scan as the image service serves it; ``None`` when there is no picture of it."""
    return next((file.served(store_root) for file in _original(scan)), None)


def canvas_images(files: Iterable[ShownFile]) -> tuple[CanvasImage, ...]:
    """Return files as a manifest shows them."""
    return tuple(
        CanvasImage(file.role, file.image, file.width, file.height, file.media_type, file.label)
        for file in files
    )


def _shown_scan(connection: Connection, scan: Scan, audience: Audience) -> ShownScan | None:
    version, review = _shown_version(connection, scan, audience)
    if version is None and audience is Audience.PUBLIC:
        return None
    lineage = derivatives.lineage(connection, version.id) if version else ()
    roles = _SHOWN if audience is Audience.PUBLIC else _SHOWN_TO_STAFF
    files = (*_original(scan), *_newest_files(lineage, roles))
    return ShownScan(scan, version, lineage, files, review) if files else None


def _shown_version(
    connection: Connection, scan: Scan, audience: Audience
) -> tuple[Version | None, Review | None]:
    history = reviews.of_scan(connection, scan.id)
    if audience is Audience.PUBLIC:
        history = tuple(review for review in history if review.state is ReviewState.APPROVED)
    if history:
        shown = max(history, key=_urgency)
        return derivatives.get(connection, shown.version_id), shown
    made = derivatives.of_scan(connection, scan.id) if audience is Audience.STAFF else ()
    return (made[-1] if made else None), None


def _urgency(review: Review) -> tuple[bool, bool, int]:
    """Order reviews: what waits for a decision comes before what stands, that before the superseded."""
    return (review.state is ReviewState.PENDING, review.state is not ReviewState.SUPERSEDED, review.id)


def _original(scan: Scan) -> Iterable[ShownFile]:
    if scan.sha256 and scan.path and scan.width and scan.height:
        yield ShownFile(
            image=f"{scan.sha256}{_PAGE_MARK}{scan.page}" if scan.page else scan.sha256,
            role=Role.ORIGINAL,
            path=PurePosixPath(scan.path),
            page=scan.page,
            sha256=scan.sha256,
            media_type=scan.media_type or "application/octet-stream",
            width=scan.width,
            height=scan.height,
        )


def _newest_files(lineage: Iterable[Version], roles: tuple[Role, ...]) -> Iterable[ShownFile]:
    # A later stage's file of the same name is the same picture with more said in it.
    newest = {
        (file.role, file.name): file
        for version in lineage
        for file in version.derivatives
        if file.role in roles and file.width and file.height
    }
    for (role, name), file in newest.items():
        yield ShownFile(
            image=file.sha256,
            role=role,
            path=PurePosixPath(file.path),
            page=0,
            sha256=file.sha256,
            media_type=file.media_type,
            width=file.width or 0,
            height=file.height or 0,
            label=_alternative_label(name) if role is Role.ALTERNATIVE else None,
        )


def _alternative_label(name: str) -> str:
    number = PurePosixPath(name).stem.rpartition("-")[2]
    return f"Alternative colorization {number} (colors inferred by a model)"


def _view(connection: Connection, shown: ShownScan, audience: Audience) -> View:
    regions = tuple(
        DamagedRegion(
            str(region["kind"]),
            tuple((float(x), float(y)) for x, y in region["polygon"]),
            # Recorded since version 5 of the restoration stage; before, the annotation said so of all.
            mended=bool(region.get("mended", True)),
        )
        for version in shown.lineage
        for region in version.regions
    )
    followed = _followed(connection, shown)
    return View(canvas_images(shown.files), regions, tuple(_hint(hint, audience) for hint in followed))


def _followed(connection: Connection, shown: ShownScan) -> tuple[GivenHint, ...]:
    colorized = [version for version in shown.lineage if version.stage == Stage.COLORIZATION]
    if not colorized:
        return ()
    event = events.that_made(colorized[-1], events.of_scan(connection, shown.scan.id))
    began = event.started_at if event else colorized[-1].created_at
    return given_hints.followed(given_hints.of_scan(connection, shown.scan.id), began)


def _hint(hint: GivenHint, audience: Audience) -> SourcedHint:
    source = ", ".join(part for part in (hint.source, hint.citation, hint.source_date) if part)
    # Who placed it may be a login name, which is nobody's business outside.
    placed_by = hint.author if audience is Audience.STAFF else ""
    return SourcedHint(hint.x, hint.y, shown_color(hint), source, placed_by)


def shown_color(hint: Hint) -> str:
    """Return a hint's color as it was given; where only its chroma is known, at medium lightness."""
    return hint.color or hint_color(hint.a, hint.b)


def hint_color(a: float, b: float) -> str:
    """Return chroma `a`, `b` (CIE L*a*b*, D65) as the ``#rrggbb`` it has at medium lightness."""
    # numpy and libvips come with it, which a process that only lists collections does without.
    from numpy import array, float32, rint

    from imaging.lab import fit_gamut, lab_to_srgb

    lab = array([[[HINT_LIGHTNESS, a, b]]], dtype=float32)
    red, green, blue = (int(value) for value in rint(lab_to_srgb(fit_gamut(lab))[0, 0] * 255).clip(0, 255))
    return f"#{red:02x}{green:02x}{blue:02x}"


def hint_chroma(color: str) -> tuple[float, float]:
    """Return the chroma (a*, b*) of a color given as ``#rrggbb``."""
    from numpy import array, float32

    from imaging.lab import srgb_to_lab

    levels = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    _, a, b = srgb_to_lab(array([[levels]], dtype=float32))[0, 0]
    return float(a), float(b)


def _models(connection: Connection, shown: Iterable[ShownScan]) -> list[str]:
    named = {
        f"{participant.agent.name} {participant.agent.version}".strip()
        for scan in shown
        if scan.version
        for event in events.chain(connection, scan.version)
        for participant in event.participants
        if participant.role is AgentRole.MODEL
    }
    return sorted(named)
