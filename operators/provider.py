"""What Airflow's provider registry learns about Heliochrome: its name, its settings, its connection."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the schema of ``provider_info.schema.json``."""
    return {
        "package-name": "heliochrome",
        "name": "Heliochrome",
        "description": "Restore, colorize, document and publish scans of black-and-white photographs.",
        "versions": [version("heliochrome")],
        "config": {
            "heliochrome": {
                "description": "Folders, addresses and options of Heliochrome.",
                "options": {
                    "home": _option(
                        "The folder of all state; HELIOCHROME_HOME overrides it.", ".heliochrome"
                    ),
                    "inbox": _option("Where new scans are dropped; empty: ``inbox`` in the home folder.", ""),
                    "store": _option("The file store; empty: ``store`` in the home folder.", ""),
                    "requests": _option(
                        "Photographs colored on request, until they expire; empty: ``requests`` in the home "
                        "folder.",
                        "",
                    ),
                    "models": _option(
                        "Color models that the museum added; empty: ``models`` in the home folder.", ""
                    ),
                    "site": _option(
                        "Where published sites are written; empty: ``site`` in the home folder.", ""
                    ),
                    "address": _option(
                        "The address that readers of published manifests use, without a trailing slash; "
                        "empty: ``/heliochrome`` below Airflow's ``[api] base_url``.",
                        "",
                    ),
                    "site_address": _option(
                        "The address that published static sites will have.", "http://127.0.0.1:8000"
                    ),
                    "name_pattern": _option(
                        "Regular expression for file names without suffix, with the named groups number and, "
                        "where names state them, page, recto and verso; empty: names are accession numbers. "
                        "Try it out with `heliochrome catalog names`.",
                        "",
                    ),
                    "refuse_small_confined": _option(
                        "Whether ``heliochrome serve`` refuses (400) sizes ``!w,h`` larger than the region, "
                        "as the official IIIF validator wants; otherwise it returns the region at its own "
                        "size, as the Image API 3.0 specifies.",
                        "False",
                        "boolean",
                    ),
                    "quiet_seconds": _option(
                        "How long a file must lie unchanged before it is read.", "3", "float"
                    ),
                    "batch_size": _option("Photographs per mapped task.", "16", "integer"),
                    "longest_run_hours": _option(
                        "After how many hours a run that has not ended is ended as failed; the next one goes "
                        "on from there.",
                        "168",
                        "float",
                    ),
                    "spare_gib": _option(
                        "How many GiB of the store's disk runs leave free: they wait where a photograph "
                        "would need more than the rest.",
                        "1",
                        "float",
                    ),
                    "restoration_slots": _option(
                        "How many restorations run at once on all workers together; empty: one for every "
                        "four cores of the machine that reads the DAGs.",
                        "",
                    ),
                    "institution": _option(
                        "Who publishes, named in manifests and on pages; needs institution_homepage.", ""
                    ),
                    "institution_homepage": _option("The institution's address on the web.", ""),
                    "signing_certificates": _option(
                        "PEM chain to sign content credentials with; empty: a development identity.", ""
                    ),
                    "signing_key": _option("PEM private key of the signing certificate.", ""),
                    "timestamp_url": _option("RFC 3161 time-stamping service; empty: sign offline.", ""),
                    "audit_weeks": _option(
                        "In how many weekly audits every stored file is read once.", "4", "integer"
                    ),
                },
            }
        },
    }


def _option(description: str, default: str, kind: str = "string") -> dict[str, Any]:
    return {
        "description": description,
        "default": default,
        "type": kind,
        "example": None,
        "version_added": "0.1.0",
    }
