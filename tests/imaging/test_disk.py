from pathlib import Path

import pytest

from imaging.disk import refuse_overwrite
from imaging.errors import OptionsError


def test_a_source_is_told_from_its_outputs_by_the_file_and_not_the_name(tmp_path: Path) -> None:
    source, link = tmp_path / "restored.tif", tmp_path / "link.tif"
    refuse_overwrite(source, [source])  # nothing there, nothing lost
    source.write_bytes(b"pixels")
    link.symlink_to(source)
    refuse_overwrite(source, [tmp_path / "colorized.tif"])
    for output in (source, link):
        with pytest.raises(OptionsError, match=output.name):
            refuse_overwrite(source, [output])
