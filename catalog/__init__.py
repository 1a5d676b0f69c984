"""The collection catalog: records, files, provenance, IIIF and review pages.

`catalog.connect` opens one and `catalog.migrate` makes its tables, the modules of the records read and write
it (``from catalog import objects, scans``), `catalog.create_app` serves it, `catalog.publish` makes a static
site of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.database import connect, in_transaction, migrate
    from catalog.objects import ObjectRecord
    from catalog.site.static_site import publish
    from catalog.store import Store
    from catalog.vocabulary import Stage
    from catalog.web.access import StaffAccess
    from catalog.web.app import create_app
else:
    from imaging.lazy_exports import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "database": (
                "connect",
                "in_transaction",
                "migrate",
            ),
            "objects": ("ObjectRecord",),
            "site.static_site": ("publish",),
            "store": ("Store",),
            "vocabulary": ("Stage",),
            "web.access": ("StaffAccess",),
            "web.app": ("create_app",),
        },
    )

__all__ = [
    "ObjectRecord",
    "StaffAccess",
    "Stage",
    "Store",
    "connect",
    "create_app",
    "in_transaction",
    "migrate",
    "publish",
]
