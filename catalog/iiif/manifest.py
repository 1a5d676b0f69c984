"""IIIF Presentation 3.0 manifests: a photograph, a canvas for each scan, a choice of pictures on each.

Reads nothing and writes nothing: a manifest is a function of what the catalog says, byte for byte the same
for the same record, so that its digest serves as an ETag and an unchanged manifest is not written again.
"""

from __future__ import annotations

from collections.abc import Sequence

import iiif_prezi3 as prezi

from catalog.iiif.addresses import Addresses
from catalog.iiif.annotations import annotation_pages
from catalog.iiif.documents import rights_uri
from catalog.iiif.jsonld import to_json
from catalog.iiif.language import text
from catalog.iiif.records import (
    DYNAMIC_SERVER,
    INFERRED,
    CanvasImage,
    Capabilities,
    CollectionLink,
    Institution,
    PhotographRecord,
    View,
)
from catalog.vocabulary import COLOR_NOTICE
from imaging.errors import CatalogError
from imaging.stage import Role

NOTICE_LABEL = "About the colors"
"""Of the notice that clients must show (Presentation 3.0 §3.1, ``requiredStatement``)."""

THUMBNAIL_SIDE = 400
"""Longer side of a thumbnail, px."""

_LABELS = {
    Role.ORIGINAL: "Original scan",
    Role.RESTORED: "Restored",
    Role.COLORIZED: "Colorized (colors inferred by a model)",
    Role.ALTERNATIVE: "Alternative colorization (colors inferred by a model)",
    Role.CONFIDENCE: "Confidence of the colors (white: sure, black: guessed)",
    Role.DAMAGE_MASK: "Damage that was found (white)",
}


class _Picture(prezi.AnnotationBody):  # type: ignore[misc]
    """A picture with a statement of its own, which Presentation 3.0 §3.1 allows and iiif-prezi3 lacks."""

    requiredStatement: prezi.KeyValueString | None = None


def build_manifest(
    record: PhotographRecord,
    views: Sequence[View],
    addresses: Addresses,
    *,
    institution: Institution | None = None,
    models: Sequence[str] = (),
    collections: Sequence[CollectionLink] = (),
    capabilities: Capabilities = DYNAMIC_SERVER,
) -> bytes:
    """Return the manifest of a photograph as UTF-8 JSON.

    Parameters
    ----------
    views
        What each canvas shows, at least one.
    institution
        Who publishes.
    models
        Names and versions of the networks that took part, for the metadata.
    collections
        What the photograph is part of.
    capabilities
        What the server at the addresses can deliver.

    Raises
    ------
    CatalogError
        When there is no picture.

    Notes
    -----
    IIIF Presentation API 3.0 (https://iiif.io/api/presentation/3.0/); the choice of pictures follows
    Cookbook recipe 0033.
    """
    if not views or not all(view.images for view in views):
        raise CatalogError(record.accession, "has no picture to show", "Add a scan first.")
    rights = rights_uri(record.rights)
    notice = _statement(NOTICE_LABEL, COLOR_NOTICE, record.credit)
    inferred = any(image.role in INFERRED for view in views for image in view.images)
    title = text(record.title or record.accession, record.language)
    manifest = prezi.Manifest(
        id=addresses.manifest(record.accession),
        label=title,
        summary=text(record.summary, record.language) if record.summary else None,
        metadata=_metadata(record, models, rights),
        rights=rights,
        requiredStatement=notice if inferred else _credit(record),
        provider=[provider(institution)] if institution else None,
        thumbnail=[_thumbnail(views[0], addresses, capabilities)],
        homepage=[
            prezi.Homepage(
                id=addresses.homepage(record.accession), type="Text", label=title, format="text/html"
            )
        ],
        rendering=[_rendering(image, addresses) for view in views for image in view.ordered()]
        if capabilities.masters
        else None,
        seeAlso=[_provenance(record, addresses)] if capabilities.provenance else None,
        partOf=_part_of(collections, addresses, capabilities) or None,
        items=[
            _canvas(record, view, number, addresses, capabilities, notice=notice)
            for number, view in enumerate(views, 1)
        ],
    )
    return to_json(manifest)


def _part_of(
    collections: Sequence[CollectionLink], addresses: Addresses, capabilities: Capabilities
) -> list[prezi.Class]:
    return [
        prezi.Class(id=addresses.collection(link.slug), type="Collection", label=text(link.label))
        for link in collections
        if capabilities.collections is None or link.slug in capabilities.collections
    ]


def fit(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the size, px, that `width`×`height` has when its longer side shrinks to at most `side`."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def thumbnail_of(images: Sequence[CanvasImage]) -> CanvasImage:
    """Return the picture for places where no notice can stand beside it: never a colorized one."""
    by_role = {image.role: image for image in images}
    return by_role.get(Role.RESTORED) or by_role.get(Role.ORIGINAL) or images[0]


def _statement(label: str, value: str, credit: str) -> prezi.KeyValueString:
    return prezi.KeyValueString(label=text(label, "en"), value={"en": [value, *([credit] if credit else [])]})


def _credit(record: PhotographRecord) -> prezi.KeyValueString | None:
    if not record.credit:
        return None
    return prezi.KeyValueString(label=text("Credit", "en"), value=text(record.credit, record.language))


def _metadata(
    record: PhotographRecord, models: Sequence[str], rights: str | None
) -> list[prezi.KeyValueString]:
    pairs = [
        ("Accession number", record.accession),
        ("Date", record.date_text),
        ("Maker", record.maker),
        ("Source", record.source),
        ("Rights", "" if rights else record.rights or ""),
        *record.metadata,
    ]
    entries = [
        prezi.KeyValueString(label=text(label, "en"), value=text(value, record.language))
        for label, value in pairs
        if value
    ]
    if models:
        entries.append(prezi.KeyValueString(label=text("Models", "en"), value={"none": list(models)}))
    return entries


def provider(institution: Institution) -> prezi.Provider:
    """Return the publisher as a ``provider`` (Presentation 3.0 §3.1)."""
    name = text(institution.name)
    homepage = prezi.Homepage(id=institution.homepage, type="Text", label=name, format="text/html")
    return prezi.Provider(id=institution.homepage, type="Agent", label=name, homepage=[homepage])


def _image_service(image: str, addresses: Addresses, capabilities: Capabilities) -> prezi.ServiceV3:
    return prezi.ServiceV3(id=addresses.image(image), type="ImageService3", profile=capabilities.image_level)


def _canvas(
    record: PhotographRecord,
    view: View,
    number: int,
    addresses: Addresses,
    capabilities: Capabilities,
    *,
    notice: prezi.KeyValueString,
) -> prezi.Canvas:
    images = view.ordered()
    canvas_id = addresses.canvas(record.accession, number)
    return prezi.Canvas(
        id=canvas_id,
        label=text(record.title or record.accession, record.language),
        width=images[0].width,
        height=images[0].height,
        thumbnail=[_thumbnail(view, addresses, capabilities)],
        items=[_painting(images, canvas_id, addresses, capabilities, notice)],
        annotations=list(annotation_pages(record, view, number, addresses)) or None,
    )


def _thumbnail(view: View, addresses: Addresses, capabilities: Capabilities) -> prezi.AnnotationBody:
    image = thumbnail_of(view.ordered())
    width, height = fit(image.width, image.height, THUMBNAIL_SIDE)
    return prezi.AnnotationBody(
        id=addresses.picture(image.image, f"{width},{height}"),
        type="Image",
        format="image/jpeg",
        width=width,
        height=height,
        service=[_image_service(image.image, addresses, capabilities)],
    )


def _label(image: CanvasImage) -> dict[str, list[str]]:
    return text(image.label or _LABELS[image.role], "en")


def _painting(
    images: Sequence[CanvasImage],
    canvas_id: str,
    addresses: Addresses,
    capabilities: Capabilities,
    notice: prezi.KeyValueString,
) -> prezi.AnnotationPage:
    bodies = [
        _Picture(
            id=addresses.picture(image.image),
            type="Image",
            format="image/jpeg",
            label=_label(image),
            width=image.width,
            height=image.height,
            service=[_image_service(image.image, addresses, capabilities)],
            requiredStatement=notice if image.role in INFERRED else None,
        )
        for image in images
    ]
    annotation = prezi.Annotation(
        id=f"{canvas_id}/painting/1",
        motivation="painting",
        body=prezi.Choice(items=bodies) if len(bodies) > 1 else bodies[0],
        target=canvas_id,
    )
    return prezi.AnnotationPage(id=f"{canvas_id}/painting", items=[annotation])


def _provenance(record: PhotographRecord, addresses: Addresses) -> prezi.LinkedResource:
    return prezi.LinkedResource(
        id=addresses.provenance(record.accession),
        type="Dataset",
        label=text("Provenance of every file (PREMIS and PROV)", "en"),
        format="application/ld+json",
        profile="http://www.w3.org/ns/prov",
    )


def _rendering(image: CanvasImage, addresses: Addresses) -> prezi.LinkedResource:
    return prezi.LinkedResource(
        id=addresses.master(image.image), type="Image", label=_label(image), format=image.media_type
    )
