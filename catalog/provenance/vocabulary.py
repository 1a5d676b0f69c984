"""The vocabulary of provenance: the standards' terms and the project's own namespace.

Our own namespace is ``https://heliochrome.example/ns/provenance/1.0/``. It lies under a top-level domain that
RFC 2606 reserves, so that nobody can ever own the address: it identifies, it does not resolve. Its terms are
documented in `catalog.provenance.xmp_packet`, which writes most of them.
"""

from __future__ import annotations

from enum import StrEnum

from catalog.schema import EventOutcome, EventType

SOFTWARE = "Heliochrome"

NAMESPACE = "https://heliochrome.example/ns/provenance/1.0/"
PREFIX = "heliochrome"


class DigitalSourceType(StrEnum):
    """How a picture's pixels came about: terms of the IPTC NewsCodes scheme of that name.

    See https://cv.iptc.org/newscodes/digitalsourcetype/.
    """

    ENHANCED = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"
    """Minor corrections by algorithm: denoising, mending from the picture's own surroundings."""
    COMPOSITE_WITH_MODEL = (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    )
    """A capture to which a trained model has added: learned inpainting, inferred color."""


_PRESERVATION = "http://id.loc.gov/vocabulary/preservation"
EVENT_TYPES = {
    EventType.INGESTION: f"{_PRESERVATION}/eventType/ine",
    EventType.VALIDATION: f"{_PRESERVATION}/eventType/val",
    EventType.CREATION: f"{_PRESERVATION}/eventType/cre",
    EventType.METADATA_MODIFICATION: f"{_PRESERVATION}/eventType/mem",
    EventType.FIXITY_CHECK: f"{_PRESERVATION}/eventType/fix",
    EventType.QUARANTINE: f"{_PRESERVATION}/eventType/qua",
    EventType.APPRAISAL: f"{_PRESERVATION}/eventType/app",
    EventType.DISSEMINATION: f"{_PRESERVATION}/eventType/dis",
}
"""The Library of Congress's term for each event of the catalog."""
OUTCOMES = {
    EventOutcome.SUCCESS: f"{_PRESERVATION}/eventOutcome/suc",
    EventOutcome.WARNING: f"{_PRESERVATION}/eventOutcome/war",
    EventOutcome.FAIL: f"{_PRESERVATION}/eventOutcome/fai",
}
SHA256 = f"{_PRESERVATION}/cryptographicHashFunctions/sha256"
