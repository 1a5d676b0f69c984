"""What a manifest tells of a photograph, as plain values: pictures, regions, hints, the publisher."""

from __future__ import annotations

from dataclasses import dataclass

from imaging.errors import OptionsError
from imaging.stage import Role

ROLE_ORDER = (
    Role.ORIGINAL,
    Role.RESTORED,
    Role.COLORIZED,
    Role.ALTERNATIVE,
    Role.CONFIDENCE,
    Role.DAMAGE_MASK,
)
"""The order in which the pictures of a photograph are offered."""
INFERRED = frozenset({Role.COLORIZED, Role.ALTERNATIVE})
"""Pictures whose colors a model inferred, which must be said wherever they are shown."""


@dataclass(frozen=True)
class CanvasImage:
    """One picture of a photograph that the image service serves.

    Parameters
    ----------
    role
        What the picture is to the photograph.
    image
        Its identifier in the image service.
    width, height
        Full size, px, upright.
    media_type
        IANA media type of the master file.
    label
        What to call it; by default what its role is called.
    """

    role: Role
    image: str
    width: int
    height: int
    media_type: str = "image/tiff"
    label: str | None = None


@dataclass(frozen=True)
class DamagedRegion:
    """A damaged place: its kind (``dust``, ``scratch``, …), its outline in canvas px, if it was mended."""

    kind: str
    polygon: tuple[tuple[float, float], ...]
    mended: bool = True


@dataclass(frozen=True)
class SourcedHint:
    """A color that a person gave, where, and who says so.

    Parameters
    ----------
    x, y
        Place as shares of width and height, 0–1.
    color
        The color as ``#rrggbb``.
    source
        The citation: "letter of 1912-04-03, fol. 2".
    placed_by
        Who placed the hint; empty when that is not told.
    """

    x: float
    y: float
    color: str
    source: str
    placed_by: str = ""


@dataclass(frozen=True)
class View:
    """What one canvas shows: a scan of the photograph and all that was made of it.

    Parameters
    ----------
    images
        At least one picture; offered in the order original, restored, colorized, alternatives, confidence.
        The first one's size is the canvas'.
    regions, hints
        What becomes annotations of the canvas.
    """

    images: tuple[CanvasImage, ...]
    regions: tuple[DamagedRegion, ...] = ()
    hints: tuple[SourcedHint, ...] = ()

    def ordered(self) -> list[CanvasImage]:
        """Return the pictures in the order in which they are offered."""
        return sorted(self.images, key=lambda image: ROLE_ORDER.index(image.role))


@dataclass(frozen=True)
class Capabilities:
    """What the server at the addresses in a manifest can deliver.

    Parameters
    ----------
    image_level
        Compliance level of the image service: ``level2``, or ``level0`` of a static site.
    masters
        Whether the master files can be downloaded, originals included.
    provenance
        Whether there is a provenance record.
    collections
        Slugs of the collections; ``None`` for all.
    """

    image_level: str = "level2"
    masters: bool = False
    provenance: bool = True
    collections: frozenset[str] | None = None


DYNAMIC_SERVER = Capabilities()
"""What the running service delivers to the public unless it is configured otherwise."""


@dataclass(frozen=True)
class Institution:
    """Who publishes: the manifest's ``provider``, which its homepage identifies.

    Raises
    ------
    OptionsError
        The homepage is missing.
    """

    name: str
    homepage: str

    def __post_init__(self) -> None:
        if not self.homepage.strip():
            raise OptionsError(self.name, "has no homepage, which identifies it", "Name its homepage too.")


@dataclass(frozen=True)
class CollectionLink:
    """A collection that a photograph is part of."""

    slug: str
    label: str


@dataclass(frozen=True)
class PhotographRecord:
    """What the catalog says of a photograph, as far as a manifest tells it.

    Parameters
    ----------
    accession, title
        Accession number and title.
    date_text, maker, credit, source, summary
        As the catalog words them; empty when unknown.
    rights
        URI of a rights statement (rightsstatements.org) or Creative Commons license, or free text.
    language
        BCP 47 tag of the catalog's texts; ``none`` when unknown.
    metadata
        Further label and value pairs, in order.
    """

    accession: str
    title: str
    date_text: str = ""
    maker: str = ""
    credit: str = ""
    source: str = ""
    summary: str = ""
    rights: str | None = None
    language: str = "none"
    metadata: tuple[tuple[str, str], ...] = ()
