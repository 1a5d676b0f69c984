"""Pages for people, rendered on the server; every value is escaped where it is inserted.

The same pages serve the running application and the static site: they speak of everything by path below the
site's prefix, so that they work under any host name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection, select

from catalog import collections
from catalog.iiif.addresses import Addresses, path_token
from catalog.iiif.collection import CollectionRecord, Nested
from catalog.iiif.manifest import NOTICE_LABEL, THUMBNAIL_SIDE, fit
from catalog.iiif.presentation import (
    Audience,
    ShownFile,
    ShownObject,
    may_know_of,
    nested_collections,
    provenance_files,
)
from catalog.iiif.records import INFERRED, ROLE_ORDER
from catalog.objects import CatalogObject
from catalog.rights import label as rights_label
from catalog.schema import collections as collection_rows
from catalog.schema import memberships, objects
from catalog.search import ObjectSearch, search
from catalog.site.site import Site
from catalog.table_rows import columns, read
from catalog.vocabulary import COLOR_NOTICE
from imaging.stage import Role

STATIC = Path(__file__).parent / "static"
"""The folder of what pages load beside themselves: style, script, icon."""
PER_PAGE = 48
"""Cards on one page."""

_SHORT = {
    Role.ORIGINAL: "Original",
    Role.RESTORED: "Restored",
    Role.COLORIZED: "Colorized",
    Role.ALTERNATIVE: "Alternative",
    Role.CONFIDENCE: "Confidence",
    Role.DAMAGE_MASK: "Damage",
}

_LAYOUTS: dict[Audience, dict[str, Any]] = {
    Audience.PUBLIC: {"layout": "base.html"},
    Audience.STAFF: {"layout": "staff.html", "decided": None, "decides": False, "place": ""},
}


@dataclass(frozen=True)
class Card:
    """A photograph in a grid; what is only known under review is ``None`` elsewhere."""

    accession: str
    title: str
    href: str
    thumbnail: str
    review: int | None = None
    state: str | None = None
    confidence: float | None = None
    damage: float | None = None


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("catalog.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, site: Site, **values: Any) -> str:
    """Return a page of the site as HTML."""
    house = site.institution.name if site.institution else "Heliochrome"
    shared = {"prefix": site.prefix, "house": house, "index": ""} | _LAYOUTS[site.audience]
    return _environment().get_template(template).render(shared | values)


def card(site: Site, accession: str, title: str, *, href: str | None = None, **standing: Any) -> Card:
    """Return the card of a photograph; it leads to the photograph's page, unless elsewhere."""
    home = f"{site.prefix}/photographs/{path_token(accession)}/"
    return Card(accession, title or accession, href or home, f"{home}thumbnail.jpg", **standing)


def still_card(site: Site, shown: ShownObject) -> Card:
    """Return the card of a photograph with its thumbnail's own address, which needs no service."""
    item = shown.object
    home = f"{site.prefix}/photographs/{path_token(item.accession_number)}/"
    return Card(item.accession_number, item.title or item.accession_number, home, thumbnail_path(site, shown))


def grid_page(
    site: Site,
    record: CollectionRecord,
    nested: Sequence[Nested],
    cards: Sequence[Card],
    following: str | None,
    *,
    search_path: str | None = None,
) -> str:
    """Return a page of a collection; `search_path` is the path that takes words to look for, if one does."""
    return render(
        "collection.html",
        site,
        title=record.title or record.slug,
        description=record.description,
        nested=[
            {"href": f"{site.prefix}/collections/{one.slug}/", "title": one.title or one.slug}
            for one in nested
        ],
        cards=cards,
        following=following,
        search=search_path,
        words="",
        document=path_of(
            site, site.addresses.collection(record.slug) if record.slug else site.addresses.top()
        ),
    )


def search_page(connection: Connection, site: Site, words: str, page: int, *, home: str) -> str:
    """Return a page (counted from 0) of the photographs that have the words; the pages are at `home`."""
    here = f"{site.prefix}{home}"
    which = ObjectSearch(words=words, published=site.audience is Audience.PUBLIC)
    found = search(connection, which, limit=PER_PAGE + 1, offset=page * PER_PAGE)
    more = len(found) > PER_PAGE
    return render(
        "collection.html",
        site,
        title=f"Photographs with “{words.strip()}”",
        description="" if found else "None has these words in its number, title, maker, date or description.",
        nested=[],
        cards=[card(site, hit.object.accession_number, hit.object.title) for hit in found[:PER_PAGE]],
        following=f"{here}?{urlencode({'q': words, 'page': page + 1})}" if more else None,
        search=here,
        words=words,
        document=None,
    )


def collection_page(
    connection: Connection,
    site: Site,
    slug: str | None,
    after: str,
    *,
    home: str,
    search_path: str | None = None,
) -> str | None:
    """Return the page of a collection, or of all photographs; ``None`` when there is no such collection.

    The pages of all photographs follow each other at `home`.
    """
    found = collections.find(connection, slug) if slug else None
    if slug and (found is None or not may_know_of(connection, slug, site.audience)):
        return None
    members = _members(connection, site, slug, after)
    here = f"{site.prefix}/collections/{slug}/" if slug else f"{site.prefix}{home}"
    more = members[PER_PAGE:]
    members = members[:PER_PAGE]
    house = site.institution.name if site.institution else "Photographs"
    return grid_page(
        site,
        CollectionRecord(slug or "", found.title if found else house, found.description if found else ""),
        [Nested(one.slug, one.title) for one in nested_collections(connection, slug, site.audience)],
        [card(site, one.accession_number, one.title) for one in members],
        f"{here}?after={path_token(members[-1].accession_number)}" if more else None,
        search_path=search_path,
    )


def photograph_values(site: Site, shown: ShownObject) -> dict[str, Any]:
    """Return the values that the public page of a photograph shows."""
    files = [file for scan in shown.scans for file in scan.files]
    inferred = any(file.role in INFERRED for file in files)
    item = shown.object
    facts = [
        ("Accession number", item.accession_number),
        ("Date", item.date_text),
        ("Maker", item.maker),
        ("Source", item.source),
    ]
    return {
        "title": item.title or item.accession_number,
        "summary": item.description,
        "facts": [(name, value) for name, value in facts if value],
        "rights": {"uri": item.rights, "label": rights_label(item.rights)} if item.rights else None,
        "views": [
            {"number": number, "pictures": _pictures(site, scan.files)}
            for number, scan in enumerate(shown.scans)
        ],
        "notice": COLOR_NOTICE if inferred else None,
        "notice_label": NOTICE_LABEL,
        "files": [
            {
                "href": path_of(site, site.addresses.master(file.image)),
                "label": file.label or f"{_SHORT[file.role]}, master file",
                "note": f"{file.width} × {file.height} px, {file.media_type}",
            }
            for file in _ordered(files)
            if site.masters
        ],
        "manifest": path_of(site, site.addresses.manifest(item.accession_number)),
        "provenance": path_of(site, site.addresses.provenance(item.accession_number))
        if provenance_files(shown)
        else None,
    }


def thumbnail_path(site: Site, shown: ShownObject) -> str:
    """Return the path of a photograph's thumbnail.

    Archivists know that colors are inferred and want to see them; the public's thumbnail never shows them,
    for no notice can stand beside it.
    """
    wanted = [Role.RESTORED, Role.ORIGINAL]
    if site.audience is Audience.STAFF:
        wanted.insert(0, Role.COLORIZED)
    files = {file.role: file for file in shown.scans[0].files}
    file = next((files[role] for role in wanted if role in files), shown.scans[0].files[0])
    return still(site.addresses, file, THUMBNAIL_SIDE)


def still(addresses: Addresses, file: ShownFile, side: int) -> str:
    """Return the path of a reduction of `file` whose longer side has `side` px."""
    width, height = fit(file.width, file.height, side)
    return urlsplit(addresses.picture(file.image, f"{width},{height}")).path


def path_of(site: Site, address: str) -> str:
    """Return the path of one of the site's addresses."""
    return site.prefix + address.removeprefix(site.addresses.base_url)


def _ordered(files: Sequence[ShownFile]) -> list[ShownFile]:
    return sorted(files, key=lambda file: ROLE_ORDER.index(file.role))


def _pictures(site: Site, files: Sequence[ShownFile]) -> list[dict[str, Any]]:
    ordered = _ordered(files)
    chosen = next(
        (file for role in (Role.COLORIZED, Role.RESTORED) for file in ordered if file.role is role),
        ordered[0],
    )
    return [
        {
            "role": str(file.role),
            "short": _SHORT[file.role],
            "label": file.label or _SHORT[file.role],
            "info": path_of(site, f"{site.addresses.image(file.image)}/info.json"),
            "still": still(site.addresses, file, 1024),
            "width": file.width,
            "height": file.height,
            "chosen": file is chosen,
        }
        for file in ordered
    ]


def _members(connection: Connection, site: Site, slug: str | None, after: str) -> list[CatalogObject]:
    query = (
        select(*columns(objects, CatalogObject))
        .where(objects.c.accession_number > after)
        .order_by(objects.c.accession_number)
        .limit(PER_PAGE + 1)
    )
    if slug:
        query = query.join(memberships, memberships.c.object_id == objects.c.id)
        query = query.join(collection_rows, collection_rows.c.id == memberships.c.collection_id)
        query = query.where(collection_rows.c.slug == slug)
    if site.audience is Audience.PUBLIC:
        query = query.where(objects.c.published_at.is_not(None))
    return [read(CatalogObject, row) for row in connection.execute(query)]
