"""Thin adapters between Airflow or the command line and the floors below.

The operators are importable from here, for DAGs of your own.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operators.audit_fixity import AuditFixityOperator
    from operators.colorize import ColorizeOperator
    from operators.find_scans import FindScansOperator
    from operators.hooks import CatalogHook
    from operators.ingest import IngestOperator
    from operators.plugin.assets import REVIEWS
    from operators.publish_collection import FindCollectionsOperator, PublishCollectionOperator
    from operators.publish_manifest import PublishManifestOperator
    from operators.report import ReportOperator
    from operators.restore import RestoreOperator
    from operators.tag_provenance import TagProvenanceOperator
else:
    from imaging.lazy_exports import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "audit_fixity": ("AuditFixityOperator",),
            "colorize": ("ColorizeOperator",),
            "find_scans": ("FindScansOperator",),
            "hooks": ("CatalogHook",),
            "ingest": ("IngestOperator",),
            "plugin.assets": ("REVIEWS",),
            "publish_collection": (
                "FindCollectionsOperator",
                "PublishCollectionOperator",
            ),
            "publish_manifest": ("PublishManifestOperator",),
            "report": ("ReportOperator",),
            "restore": ("RestoreOperator",),
            "tag_provenance": ("TagProvenanceOperator",),
        },
    )

__all__ = [
    "REVIEWS",
    "AuditFixityOperator",
    "CatalogHook",
    "ColorizeOperator",
    "FindCollectionsOperator",
    "FindScansOperator",
    "IngestOperator",
    "PublishCollectionOperator",
    "PublishManifestOperator",
    "ReportOperator",
    "RestoreOperator",
    "TagProvenanceOperator",
]
