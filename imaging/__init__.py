"""The ground floor: untrusted scans, color spaces, tile streams, pyramids and fixity.

Reading a scan begins with `imaging.open_scan`, writing one ends with `imaging.write_pyramid`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imaging.errors import (
        CatalogError,
        CorruptScan,
        ForbiddenScan,
        HeliochromeError,
        ModelError,
        OptionsError,
        ScanError,
        ScanTooLarge,
        Scope,
        ServiceError,
        SigningError,
        StoredFileError,
        StoreError,
        UnfinishedScan,
        UnsupportedScan,
    )
    from imaging.pyramid import Compression, PyramidOptions, write_pyramid
    from imaging.scan import ScanLimits, ScanProperties, inspect_scan, open_scan
    from imaging.stage import ModelReference, OutputFile, Role, StageResult
else:
    from imaging.lazy_exports import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "errors": (
                "CatalogError",
                "CorruptScan",
                "ForbiddenScan",
                "HeliochromeError",
                "ModelError",
                "OptionsError",
                "ScanError",
                "ScanTooLarge",
                "Scope",
                "ServiceError",
                "SigningError",
                "StoreError",
                "StoredFileError",
                "UnfinishedScan",
                "UnsupportedScan",
            ),
            "pyramid": (
                "Compression",
                "PyramidOptions",
                "write_pyramid",
            ),
            "scan": (
                "ScanLimits",
                "ScanProperties",
                "inspect_scan",
                "open_scan",
            ),
            "stage": (
                "ModelReference",
                "OutputFile",
                "Role",
                "StageResult",
            ),
        },
    )

__all__ = [
    "CatalogError",
    "Compression",
    "CorruptScan",
    "ForbiddenScan",
    "HeliochromeError",
    "ModelError",
    "ModelReference",
    "OptionsError",
    "OutputFile",
    "PyramidOptions",
    "Role",
    "ScanError",
    "ScanLimits",
    "ScanProperties",
    "ScanTooLarge",
    "Scope",
    "ServiceError",
    "SigningError",
    "StageResult",
    "StoreError",
    "StoredFileError",
    "UnfinishedScan",
    "UnsupportedScan",
    "inspect_scan",
    "open_scan",
    "write_pyramid",
]
