"""Rights statements: the URIs of rightsstatements.org and Creative Commons, checked against their lists.

IIIF Presentation 3.0 asks for exactly these, spelled with ``http://``:
https://iiif.io/api/presentation/3.0/#rights
"""

from __future__ import annotations

import difflib
import re

from imaging.errors import CatalogError

_STATEMENTS = {
    "InC": "In Copyright",
    "InC-OW-EU": "In Copyright - EU Orphan Work",
    "InC-EDU": "In Copyright - Educational Use Permitted",
    "InC-NC": "In Copyright - Non-Commercial Use Permitted",
    "InC-RUU": "In Copyright - Rights-holder(s) Unlocatable or Unidentifiable",
    "NoC-CR": "No Copyright - Contractual Restrictions",
    "NoC-NC": "No Copyright - Non-Commercial Use Only",
    "NoC-OKLR": "No Copyright - Other Known Legal Restrictions",
    "NoC-US": "No Copyright - United States",
    "CNE": "Copyright Not Evaluated",
    "UND": "Copyright Undetermined",
    "NKC": "No Known Copyright",
}
_LICENSES = {
    "by": "Attribution",
    "by-sa": "Attribution-ShareAlike",
    "by-nd": "Attribution-NoDerivatives",
    "by-nc": "Attribution-NonCommercial",
    "by-nc-sa": "Attribution-NonCommercial-ShareAlike",
    "by-nc-nd": "Attribution-NonCommercial-NoDerivatives",
}
LABELS = {
    **{f"http://rightsstatements.org/vocab/{code}/1.0/": label for code, label in _STATEMENTS.items()},
    **{
        f"http://creativecommons.org/licenses/{code}/{version}/": f"Creative Commons {label} {version}"
        for version in ("4.0", "3.0", "2.5", "2.0", "1.0")
        for code, label in _LICENSES.items()
    },
    "http://creativecommons.org/publicdomain/zero/1.0/": "Creative Commons Zero 1.0",
    "http://creativecommons.org/publicdomain/mark/1.0/": "Public Domain Mark 1.0",
}
"""What each known rights URI is called in English."""

_BY_LOWER_CASE = {uri.lower(): uri for uri in LABELS}
_SPELLING = re.compile(
    r"https?://(?:www\.)?(?P<host>rightsstatements\.org|creativecommons\.org)/(?P<path>[^?#]*)", re.IGNORECASE
)
_TRAILING = re.compile(r"/(?:deed|legalcode)(?:\.[a-z_-]+)?$", re.IGNORECASE)


def canonical(uri: str) -> str:
    """Return a rights statement's one canonical URI, however its address was copied from a browser.

    Raises
    ------
    CatalogError
        It is in neither list; the message names the nearest that is.

    Examples
    --------
    >>> canonical("https://rightsstatements.org/page/InC/1.0/?language=en")
    'http://rightsstatements.org/vocab/InC/1.0/'
    >>> canonical("https://creativecommons.org/licenses/by-sa/4.0/deed.de")
    'http://creativecommons.org/licenses/by-sa/4.0/'
    """
    uri = uri.strip()
    spelled = uri
    if match := _SPELLING.fullmatch(uri) or _SPELLING.match(uri):
        path = _TRAILING.sub("", match["path"].rstrip("/")).replace("page/", "vocab/", 1)
        spelled = f"http://{match['host'].lower()}/{path}/"
    if known := _BY_LOWER_CASE.get(spelled.lower()):
        return known
    nearest = difflib.get_close_matches(spelled, LABELS, n=1, cutoff=0)[0]
    raise CatalogError(
        uri,
        "is not a rights statement of rightsstatements.org or Creative Commons",
        f"Choose one of theirs, such as {nearest}.",
    )


def label(uri: str) -> str:
    """Return what the rights statement `uri` is called; the URI itself when it is not in the lists."""
    return LABELS.get(uri, uri)
