from pathlib import Path

import pytest

from imaging.disk import keep_apart
from imaging.errors import OptionsError


def test_a_source_is_told_from_its_outputs_by_the_file_and_not_the_name(tmp_path: Path) -> None:
    source, link = tmp_path / "restored.tif", tmp_path / "link.tif"
    keep_apart(source, [source])  # nothing there, nothing lost
    source.write_bytes(b"pixels")
    link.symlink_to(source)
    keep_apart(source, [tmp_path / "colorized.tif"])
    for output in (source, link):
        with pytest.raises(OptionsError, match=output.name):
            keep_apart(source, [output])
