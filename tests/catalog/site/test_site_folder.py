"""The folder of a static site: what was put is there, whole; what was not is pruned."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from catalog.site.site_folder import publishing
from catalog.site.static_image import RENDERING
from imaging.errors import StoreError

BASE = "https://static.example/harbor"


def test_pruning_removes_only_what_was_not_put(folder: Path) -> None:
    with publishing(folder, RENDERING) as site:
        site.put("iiif/a/1.json", b"1")
        site.put("iiif/b/2.json", b"2")
    with publishing(folder, RENDERING) as site:
        site.put("iiif/a/1.json", b"1")
        site.prune()
    assert {p.name for p in folder.rglob("*.json")} == {"1.json", ".heliochrome-site.json"}


def test_what_is_put_together_is_kept_whole_or_not_at_all(folder: Path) -> None:
    with publishing(folder, RENDERING) as site:
        site.put("iiif/shared.json", b"1")
        with suppress(StoreError), site.together():
            site.put("iiif/shared.json", b"1")
            site.put("iiif/half.json", b"2")
            raise StoreError("picture", "is damaged", "Restore it.")
        with site.together():
            site.put("iiif/whole.json", b"3")
        assert not site.keep(["iiif/half.json", "iiif/absent.json"])
        site.prune()
    assert {path.name for path in (folder / "iiif").iterdir()} == {"shared.json", "whole.json"}
