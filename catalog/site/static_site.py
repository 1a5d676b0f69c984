"""A collection as a static site: IIIF documents, images of level 0 and pages that any web server can hold.

Reads the catalog and the store as the public may; writes one folder. A repeat rewrites only what changed and
removes what is no longer published; a crash leaves whole files, and the repeat completes it. A photograph
that cannot be read does not stop the others: it is left out, or stays as it was while its manifest is
unchanged. What is published is reported to the caller before the folder's state records it: after a crash
between the two it is reported again, never lost. No transaction is open while pictures are read or files
written.
The server that holds the folder must send ``Access-Control-Allow-Origin: *`` for viewers on other sites.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from catalog.durability import is_full
from catalog.iiif import discovery
from catalog.iiif.addresses import Addresses
from catalog.iiif.collection import (
    PART,
    CollectionRecord,
    Member,
    Nested,
    build_collection,
    build_part,
    build_top,
)
from catalog.iiif.presentation import (
    Audience,
    ShownFile,
    ShownObject,
    manifest_of,
    provenance_files,
    shown_object,
)
from catalog.iiif.provenance_document import provenance_document
from catalog.iiif.records import Institution
from catalog.objects import CatalogObject
from catalog.site.html_pages import STATIC, grid_page, photograph_values, render, still_card
from catalog.site.sections import Section, sections_of
from catalog.site.site import Site
from catalog.site.site_folder import SiteChange, SiteFolder, publishing
from catalog.site.static_image import RENDERING, information, write_static_image
from imaging.errors import StoreError

Progress = Callable[[str, int, int], None]
"""Called with an accession number, how many photographs are done, and how many there are."""

Disseminated = Callable[[tuple["Dissemination", ...]], None]
"""Called with what is published, once all its files are complete; may be called with the same again."""

CARDS = 200
"""Photographs on one landing page."""


@dataclass(frozen=True)
class Dissemination:
    """A scan that a publication put before the public, for the first time or changed.

    Parameters
    ----------
    manifest, sha256
        Address and digest of the manifest that shows it.
    scan_id, version_id
        What is shown; no version where the scan is shown as it came.
    """

    manifest: str
    sha256: str
    scan_id: int
    version_id: int | None


@dataclass(frozen=True)
class LostPhotograph:
    """A photograph that is not on the site, or only as it was before, and why."""

    accession: str
    reason: str


@dataclass(frozen=True)
class Published:
    """What a publication did.

    Parameters
    ----------
    photographs
        How many the site shows.
    written, unchanged, removed
        Files, images counted as one each.
    created, updated, deleted
        Manifests.
    disseminated
        The scans that those created and updated show.
    lost
        The photographs that could not be read or rendered.
    """

    photographs: int
    written: int
    unchanged: int
    removed: int
    created: int
    updated: int
    deleted: int
    disseminated: tuple[Dissemination, ...]
    lost: tuple[LostPhotograph, ...]

    def counts(self) -> dict[str, int]:
        """Return how many of what, by name."""
        return {name: count for name, count in vars(self).items() if isinstance(count, int)}


def publish(
    catalog: Engine,
    store_root: Path,
    slug: str,
    folder: Path,
    base_url: str,
    *,
    institution: Institution | None = None,
    masters: bool = False,
    progress: Progress | None = None,
    disseminated: Disseminated | None = None,
) -> Published:
    """Write the site of a collection and of all collections inside it into `folder`.

    Parameters
    ----------
    catalog
        The catalog's engine.
    store_root
        The file store's folder.
    slug
        The collection.
    folder
        An empty folder, or one that a site was published into before.
    base_url
        Where clients will see the folder.
    institution
        Who publishes.
    masters
        Whether to copy the master files too.
    progress
        Called as photographs are done.
    disseminated
        Called with what is new or changed; when it raises, the next publication calls it again.

    Raises
    ------
    CatalogError
        When there is no such collection.
    OptionsError
        When the folder holds other files.
    StoreError
        When the disk is full.
    """
    site = Site(catalog, store_root, Addresses(base_url), Audience.PUBLIC, institution, masters=masters)
    with publishing(folder, RENDERING) as target:
        published = _Publication(site, target, progress).run(slug)
        if disseminated:
            disseminated(published.disseminated)
        return published


class _Publication:
    def __init__(
        self,
        site: Site,
        target: SiteFolder,
        progress: Progress | None,
    ) -> None:
        self.site = site
        self.target = target
        self.capabilities = replace(site.capabilities, image_level="level0")
        self.progress = progress
        self.again = target.state.rendering != RENDERING
        self.manifests: dict[str, str] = {}
        self.shown: dict[str, ShownObject] = {}
        self.outdated: list[str] = []
        self.lost: list[LostPhotograph] = []

    def run(self, slug: str) -> Published:
        with self.site.engine.connect() as connection:
            sections = list(sections_of(connection, slug))
        slugs = frozenset(one.record.slug for one in sections)
        self.capabilities = replace(self.capabilities, collections=slugs)
        everything = {item.accession_number: item for one in sections for item in one.members}
        for done, accession in enumerate(sorted(everything), 1):
            self._photograph(accession)
            if self.progress:
                self.progress(accession, done, len(everything))
        for section in sections:
            self._collection(section, landing=section.record.slug == slug)
        top = build_top([sections[0].nested_link()], self.site.addresses, institution=self.site.institution)
        self._document(self.site.addresses.top(), top)
        fresh = self._fresh()
        counts = self._feed()
        # What lies in folders is for staff.
        for asset in sorted(path for path in STATIC.iterdir() if path.is_file()):
            self.target.put(f"static/{asset.name}", asset.read_bytes())
        self.target.state.rendering, self.target.state.outdated = RENDERING, self.outdated
        self.target.prune()
        return Published(
            len(self.manifests),
            self.target.written,
            self.target.unchanged,
            self.target.removed,
            *counts,
            disseminated=tuple(fresh),
            lost=tuple(self.lost),
        )

    def _photograph(self, accession: str) -> None:
        with self.site.engine.connect() as connection:
            shown = shown_object(connection, accession, Audience.PUBLIC)
            if shown is None:
                return
            document = manifest_of(
                connection, shown, self.site.addresses, self.site.institution, self.capabilities
            )
        digest = hashlib.sha256(document).hexdigest()
        again = self.again or accession in self.target.state.outdated
        try:
            with self.target.together():
                self._show(shown, document, again=again)
        except StoreError as error:
            if is_full(error):
                raise
            self.lost.append(LostPhotograph(accession, str(error)))
            unchanged = self.target.state.manifests.get(accession) == digest
            if not (unchanged and self.target.keep(self._whole(shown))):
                return
            if again:
                self.outdated.append(accession)
        self.manifests[accession] = digest
        self.shown[accession] = shown

    def _show(self, shown: ShownObject, manifest: bytes, *, again: bool) -> None:
        accession = shown.object.accession_number
        for scan in shown.scans:
            for file in scan.files:
                self._image(file, shown, again=again)
        if files := provenance_files(shown):
            document = provenance_document(self.site.root, files)
            self._document(self.site.addresses.provenance(accession), document)
        self._document(self.site.addresses.manifest(accession), manifest)
        page = render("photograph.html", self.site, **photograph_values(self.site, shown))
        self._document(f"{self.site.addresses.homepage(accession)}index.html", page.encode())

    def _whole(self, shown: ShownObject) -> list[str]:
        """Return the places of all that `_show` puts."""
        addresses, accession = self.site.addresses, shown.object.accession_number
        published = [addresses.manifest(accession), f"{addresses.homepage(accession)}index.html"]
        if provenance_files(shown):
            published.append(addresses.provenance(accession))
        for scan in shown.scans:
            for file in scan.files:
                image = addresses.image(file.image)
                published += [image, f"{image}/info.json"]
                if self.capabilities.masters:
                    published.append(addresses.master(file.image))
        return [self._relative(address) for address in published]

    def _image(self, file: ShownFile, shown: ShownObject, *, again: bool) -> None:
        from catalog.iiif.rendering import open_picture

        address = self.site.addresses.image(file.image)
        with self.target.put_folder(self._relative(address), again=again) as partial:
            if partial is not None:
                self.site.prepare(file)
                served = self.site.resolve(file.image)
                if served is None or not served.ready:
                    raise StoreError(file.image, "was withdrawn while it was published", "Publish again.")
                picture = open_picture(served.path, pyramid=served.pyramid, labels=served.labels)
                write_static_image(picture, partial)
        self._document(
            f"{address}/info.json",
            information(address, file.width, file.height, shown.object.rights or None),
        )
        if self.capabilities.masters:
            master = self.site.addresses.master(file.image)
            self.target.put_copy(self._relative(master), self.site.root / file.path)

    def _collection(self, section: Section, *, landing: bool) -> None:
        addresses, record = self.site.addresses, section.record
        shown = [item for item in section.members if item.accession_number in self.manifests]
        members = [Member(item.accession_number, item.title) for item in shown]
        if landing:
            record = CollectionRecord(record.slug, record.title, record.description)
        body = build_collection(
            record,
            section.nested,
            members,
            len(members),
            addresses,
            institution=self.site.institution,
            searchable=False,
        )
        self._document(addresses.collection(record.slug), body)
        if len(members) > PART:
            for number in range(1, -(-len(members) // PART) + 1):
                part = members[(number - 1) * PART : number * PART]
                body = build_part(record, number, part, len(members), addresses)
                self._document(addresses.collection(record.slug, number), body)
        self._grid(record, section.nested, shown, landing=landing)

    def _grid(
        self, record: CollectionRecord, nested: Sequence[Nested], items: list[CatalogObject], *, landing: bool
    ) -> None:
        home = "" if landing else f"collections/{record.slug}/"
        pages = max(1, -(-len(items) // CARDS))
        for number in range(1, pages + 1):
            cards = [
                still_card(self.site, self.shown[item.accession_number])
                for item in items[(number - 1) * CARDS : number * CARDS]
            ]
            following = f"{self.site.prefix}/{home}page-{number + 1}.html" if number < pages else None
            page = grid_page(self.site, record, nested, cards, following)
            name = "index.html" if number == 1 else f"page-{number}.html"
            self.target.put(f"{home}{name}", page.encode())

    def _fresh(self) -> list[Dissemination]:
        """Return what is shown for the first time or changed since the last publication."""
        return [
            Dissemination(
                self.site.addresses.manifest(accession),
                digest,
                scan.scan.id,
                scan.version.id if scan.version else None,
            )
            for accession, digest in self.manifests.items()
            if self.target.state.manifests.get(accession) != digest
            for scan in self.shown[accession].scans
        ]

    def _feed(self) -> tuple[int, int, int]:
        state, now = self.target.state, datetime.now(UTC).isoformat()
        old, new = state.manifests, self.manifests
        kinds = {
            "Create": sorted(set(new) - set(old)),
            "Update": sorted(name for name in set(new) & set(old) if new[name] != old[name]),
            "Delete": sorted(set(old) - set(new)),
        }
        for kind, accessions in kinds.items():
            for accession in accessions:
                state.changes.append(SiteChange(len(state.changes) + 1, kind, accession, now))
        state.manifests = new
        last = len(state.changes)
        self._document(
            self.site.addresses.activities(), discovery.build_feed(last, last, self.site.addresses)
        )
        for number in range(discovery.page_of(max(1, last)) + 1):
            changes = [
                discovery.Change(one.number, one.type, one.accession, datetime.fromisoformat(one.ended))
                for one in state.changes
                if one.number in discovery.numbers_on(number)
            ]
            page = discovery.build_page(number, last, changes, self.site.addresses)
            self._document(self.site.addresses.activities(number), page)
        return len(kinds["Create"]), len(kinds["Update"]), len(kinds["Delete"])

    def _document(self, address: str, body: bytes) -> None:
        self.target.put(self._relative(address), body)

    def _relative(self, address: str) -> str:
        return address.removeprefix(f"{self.site.addresses.base_url}/")
