from __future__ import annotations

import json

from catalog.iiif.provenance_document import merged


def record(*nodes: dict[str, object]) -> bytes:
    return json.dumps({"@context": {"dcterms": "http://purl.org/dc/terms/"}, "@graph": nodes}).encode()


def test_one_record_alone_is_kept_to_the_byte() -> None:
    alone = record({"@id": "urn:a"})
    assert merged([alone]) == alone


def test_a_node_says_all_that_any_record_says_of_it() -> None:
    recto = record({"@id": "urn:photograph", "@type": ["a"], "dcterms:title": "Tram"}, {"@id": "urn:recto"})
    verso = record(
        {"@id": "urn:photograph", "@type": ["a", "b"], "dcterms:title": "A tram", "dcterms:source": "MS 7"},
        {"@id": "urn:verso"},
    )
    both = json.loads(merged([recto, verso]))
    assert both["@context"] == {"dcterms": "http://purl.org/dc/terms/"}
    assert both["@graph"] == [
        {
            "@id": "urn:photograph",
            "@type": ["a", "b"],
            "dcterms:title": ["Tram", "A tram"],
            "dcterms:source": "MS 7",
        },
        {"@id": "urn:recto"},
        {"@id": "urn:verso"},
    ]
