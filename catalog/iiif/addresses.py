"""Where every IIIF resource lives, the same for the running service and for a static site.

All addresses hang below one base address and use only unreserved characters, so that each works unchanged
as a route of the service, as a file below a web server's folder, and as a key in a bucket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNSAFE = re.compile(rb"[^A-Za-z0-9._-]")
_ESCAPE = re.compile(r"~([0-9A-F]{2})")


def path_token(name: str) -> str:
    """Return `name` as one path segment that needs no percent-encoding; `name_of` reverses it.

    Every byte of the UTF-8 form outside ``A-Z a-z 0-9 . _ -`` becomes ``~XX``; so does a leading dot, because
    ``.`` and ``..`` mean something to file systems.

    Examples
    --------
    >>> path_token("1987.12/3")
    '1987.12~2F3'
    >>> path_token("..")
    '~2E.'
    """
    token = _UNSAFE.sub(lambda m: b"~%02X" % m[0][0], name.encode()).decode("ascii")
    return "~2E" + token[1:] if token.startswith(".") else token


def name_of(token: str) -> str | None:
    """Return the name that `path_token` wrote as `token`; ``None`` when it is no such token.

    Nothing is named by NUL, which the catalog cannot even be asked for.
    """
    raw = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), token)
    try:
        name = raw.encode("latin-1").decode()
    except UnicodeError:
        return None
    return name if path_token(name) == token and "\0" not in name else None


@dataclass(frozen=True)
class Addresses:
    """The addresses of everything that is published.

    Parameters
    ----------
    base_url
        ``https://host[:port][/prefix]`` without a trailing slash, as clients see it.
    """

    base_url: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    def manifest(self, accession: str) -> str:
        """Return the address of a photograph's manifest."""
        return f"{self._photograph(accession)}/manifest.json"

    def canvas(self, accession: str, number: int) -> str:
        """Return the address of a photograph's canvas, numbered from 1."""
        return f"{self._photograph(accession)}/canvas/{number}"

    def annotations(self, accession: str, name: str) -> str:
        """Return the address of the annotation page `name`."""
        return f"{self._photograph(accession)}/annotations/{path_token(name)}.json"

    def provenance(self, accession: str) -> str:
        """Return the address of a photograph's provenance record, JSON-LD."""
        return f"{self._photograph(accession)}/provenance.jsonld"

    def image(self, image: str) -> str:
        """Return the base address of an image's IIIF Image API service."""
        return f"{self.base_url}/iiif/3/{path_token(image)}"

    def picture(self, image: str, size: str = "max") -> str:
        """Return the address of a whole image as JPEG at `size` (Image API 3.0 §4.2)."""
        return f"{self.image(image)}/full/{size}/0/default.jpg"

    def master(self, image: str) -> str:
        """Return the address of the file itself, in full quality."""
        return f"{self.base_url}/masters/{path_token(image)}"

    def top(self) -> str:
        """Return the address of the collection of all collections."""
        return f"{self.base_url}/iiif/collections/collection.json"

    def collection(self, slug: str, page: int | None = None) -> str:
        """Return the address of a collection, or of one of its numbered parts."""
        leaf = "collection" if page is None else f"part-{page}"
        return f"{self.base_url}/iiif/collections/{path_token(slug)}/{leaf}.json"

    def search(self, slug: str) -> str:
        """Return the address of the Content Search service within a collection."""
        return f"{self.base_url}/iiif/search/{path_token(slug)}"

    def activities(self, page: int | None = None) -> str:
        """Return the address of the change feed, or of one of its pages."""
        leaf = "activity" if page is None else f"page-{page}"
        return f"{self.base_url}/iiif/discovery/{leaf}.json"

    def homepage(self, accession: str) -> str:
        """Return the address of the page for people about a photograph."""
        return f"{self.base_url}/photographs/{path_token(accession)}/"

    def _photograph(self, accession: str) -> str:
        return f"{self.base_url}/iiif/manifests/{path_token(accession)}"
