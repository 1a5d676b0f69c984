"""Descriptors: what they state is checked once, and their files stay readable."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from imaging.errors import ModelError
from imaging.networks.descriptor import ModelDescriptor, Size, SizeRequirements, read_descriptor

STATED = {"name": "blur", "version": "1", "sha256": "a" * 64, "license": "MIT", "sides": 16}


@dataclass(frozen=True, kw_only=True)
class BlurDescriptor(ModelDescriptor):
    size: Annotated[Size, Field(alias="sides")]


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "blur.json"
    path.write_text(json.dumps(STATED | changes))
    return path


@given(st.integers(1, 256), st.integers(0, 600), st.integers(1, 900), st.integers(1, 900))
def test_a_padded_picture_is_the_smallest_that_the_network_takes(
    multiple: int, minimum: int, height: int, width: int
) -> None:
    size = SizeRequirements(multiple_of=multiple, minimum=minimum)
    for side, padding in zip((height, width), size.padding(height, width), strict=True):
        fitting = (s for s in range(side, side + 1200) if s % multiple == 0 and s >= minimum)
        assert side + padding == next(fitting)


@pytest.mark.parametrize("numbers", [{"multiple_of": 0}, {"multiple_of": 257}, {"minimum": -1}])
def test_sizes_that_no_picture_has_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="px"):
        SizeRequirements(**numbers)


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        (16, SizeRequirements(multiple_of=16)),
        ({"multiple_of": 8, "minimum": 64}, SizeRequirements(multiple_of=8, minimum=64)),
    ],
)
def test_a_size_is_stored_as_its_multiple_unless_there_is_a_minimum(
    tmp_path: Path, stored: object, size: SizeRequirements
) -> None:
    descriptor = read_descriptor(written(tmp_path, sides=stored), BlurDescriptor)
    assert descriptor.size == size
    assert json.loads(descriptor.to_json()) == descriptor.stored() == STATED | {"sides": stored}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sides": 0}, r"blur\.json: sides: .*multiples of 0 px"),
        ({"sides": "wide"}, r"blur\.json: sides\.multiple_of"),
        ({"name": "Blur"}, "name cannot be used"),
        ({"sha256": ""}, r"blur\.json: .* no sha256"),
        ({"sha256": "abc"}, "sha256 cannot be used"),
        ({"license": " "}, "license cannot be used"),
        ({"surprise": 1}, r"blur\.json: surprise"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, changes: dict[str, object], fault: str
) -> None:
    with pytest.raises(ModelError, match=fault):
        read_descriptor(written(tmp_path, **changes), BlurDescriptor)


def test_a_descriptor_that_is_absent_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_descriptor(tmp_path / "none.json", BlurDescriptor)
    (tmp_path / "blur.json").write_text("{")
    with pytest.raises(ModelError, match="JSON"):
        read_descriptor(tmp_path / "blur.json", BlurDescriptor)
