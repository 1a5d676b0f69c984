from __future__ import annotations

import pytest

from catalog.rights import LABELS, canonical, label
from imaging.errors import CatalogError

IN_COPYRIGHT = "http://rightsstatements.org/vocab/InC/1.0/"


@pytest.mark.parametrize("uri", LABELS)
def test_known_statements_are_their_own_canonical_form(uri: str):
    assert canonical(uri) == uri


@pytest.mark.parametrize(
    ("copied", "uri"),
    [
        ("https://rightsstatements.org/vocab/InC/1.0/", IN_COPYRIGHT),
        ("http://www.rightsstatements.org/page/InC/1.0/?language=de", IN_COPYRIGHT),
        (" https://rightsstatements.org/vocab/inc/1.0 ", IN_COPYRIGHT),
        (
            "https://creativecommons.org/licenses/by/4.0/deed.en",
            "http://creativecommons.org/licenses/by/4.0/",
        ),
        (
            "https://creativecommons.org/licenses/by/4.0/legalcode",
            "http://creativecommons.org/licenses/by/4.0/",
        ),
        (
            "https://creativecommons.org/publicdomain/zero/1.0/",
            "http://creativecommons.org/publicdomain/zero/1.0/",
        ),
    ],
)
def test_addresses_copied_from_a_browser_are_understood(copied: str, uri: str):
    assert canonical(copied) == uri


@pytest.mark.parametrize("uri", ["", "public domain", "https://example.org/InC/1.0/", IN_COPYRIGHT + "x/"])
def test_unknown_statements_are_refused_naming_the_nearest(uri: str):
    with pytest.raises(CatalogError, match="Choose one of theirs, such as http"):
        canonical(uri)


def test_typing_mistake_is_answered_with_what_was_meant():
    with pytest.raises(CatalogError, match=r"InC-EDU/1\.0"):
        canonical("http://rightsstatements.org/vocab/InC-EUD/1.0/")


def test_labels_are_for_people():
    assert label(IN_COPYRIGHT) == "In Copyright"
    assert label("http://example.org/") == "http://example.org/"
