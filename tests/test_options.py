"""Options determine an outcome by what they are, not by a list kept beside them."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pytest
import pyvips
import torch

from colorization.fullscale import Primaries
from colorization.hints import Hint
from colorization.options import ColorizationOptions
from colorization.pipeline import colorize
from imaging.determinants import NOT_DETERMINING, determinants
from imaging.errors import OptionsError
from imaging.pyramid import Compression, PyramidOptions
from restoration.options import RestorationOptions
from restoration.pipeline import restore
from restoration.tone import ToneOptions

OTHERS: dict[type, dict[str, Any]] = {
    RestorationOptions: {
        "mend": False,
        "mend_losses": True,
        "sensitivity": 0.6,
        "denoise": 0.6,
        "tone": ToneOptions(neutral=True),
        "pyramid": PyramidOptions(tile=512),
        "page": 1,
        "tile": 512,
    },
    ColorizationOptions: {
        "hints": (Hint(0.5, 0.5, 0.1, 10, 10),),
        "alternatives": 1,
        "restraint": 0.5,
        "working_side": 256,
        "largest_working_side": 512,
        "tile": 256,
        "overlap": 32,
        "compression": Compression.LZW,
        "quality": 80,
        "bits": 8,
        "primaries": next(p for p in Primaries if p is not Primaries.SRGB),
        "page": 1,
    },
}
ELSEWHERE = {
    RestorationOptions: {"device": "cpu", "threads": 2},
    ColorizationOptions: {"device": "auto", "threads": 2, "memory_mib": 2000, "batch": 2},
}


@pytest.mark.parametrize("options", OTHERS)
def test_every_option_counts_unless_it_is_set_aside(options: type) -> None:
    counted = {f.name for f in fields(options) if not f.metadata.get("aside")}
    assert counted == set(OTHERS[options])
    plain = options()
    for name, value in OTHERS[options].items():
        assert replace(plain, **{name: value}).parameters() != plain.parameters(), name
    for name, value in ELSEWHERE[options].items():
        assert replace(plain, **{name: value}).parameters() == plain.parameters(), name


def test_words_of_a_hint_are_no_color() -> None:
    hint = Hint(0.5, 0.5, 0.1, 10, 10)
    asked = [ColorizationOptions(hints=(h,)).parameters() for h in (hint, replace(hint, source="a letter"))]
    assert asked[0] == asked[1]
    assert asked[0] != ColorizationOptions(hints=(replace(hint, a=11),)).parameters()


def test_an_option_that_is_added_counts() -> None:
    @dataclass(frozen=True)
    class Added(ToneOptions):
        strength: float = 0.5
        threads: int = field(default=1, metadata=NOT_DETERMINING)

    assert determinants(Added()) == {"flatten": False, "neutral": False, "levels": False, "strength": 0.5}
    with pytest.raises(TypeError, match="object"):
        determinants(Added(strength=object()))  # type: ignore[arg-type]


@pytest.mark.parametrize("options", OTHERS)
def test_options_name_devices_that_there_could_be(options: type) -> None:
    for wish in ("cpu", "auto", "cuda", "cuda:1"):
        assert options(device=wish).device == wish
    with pytest.raises(OptionsError, match="cpu, cuda or auto"):
        options(device="tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_both_stages_refuse_cuda_where_there_is_none_and_take_auto(tmp_path: Path) -> None:
    scan = tmp_path / "scan.png"
    pyvips.Image.gaussnoise(64, 64, mean=128, sigma=9, seed=1).cast("uchar").write_to_file(str(scan))
    for stage, options in ((restore, RestorationOptions), (colorize, ColorizationOptions)):
        into = tmp_path / stage.__name__
        into.mkdir()
        with pytest.raises(OptionsError, match="no CUDA"):
            stage(scan, into, options(device="cuda"))
        assert stage(scan, into, options(device="auto")).parameters["device"] == "cpu"
