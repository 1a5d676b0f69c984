"""Trains the network that tells negatives from positives and pages from photographs: ``imaging/weights``.

Inversion costs nothing, and pages are drawn, so that any photographs will do: those of the training shards.
Run as ``python -m tests.benchmarks.polarity_training --photos ../shared/photos --minutes 8``.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from colorization.training.shards import HELD_BACK, HELD_BACK_SHARD
from imaging.networks.convolutions import convolve
from imaging.networks.descriptor import SizeRequirements
from imaging.networks.training.export import encode, write_model
from imaging.networks.training.pretrained import lite0_weights
from imaging.networks.training.shards import training_shards
from imaging.polarity import (
    NAME,
    SIDE,
    WEIGHTS,
    PolarityDescriptor,
    PolarityNetwork,
    as_seen,
    both_ways,
    load,
)
from tests.benchmarks import kind_samples

Array = NDArray[np.float32]

PAIRS, PAGES = 16, 5
"""Photographs and pages of a step; a photograph is seen as positive and as negative."""
_BODY_RATE, _HEAD_RATE = 4e-4, 2e-3
_FROZEN_BLOCKS = 5
"""Edges and textures are what they are in ImageNet: blocks down to 1/8 are not trained."""


def read_encoded(photos: Path) -> list[bytes]:
    """Return the encoded training photographs, the held-back ones left out."""
    found: list[bytes] = []
    for path in training_shards(photos):
        with tarfile.open(path) as archive:
            members = [m for m in archive if m.isfile()]
            kept = members[:-HELD_BACK] if path.name == HELD_BACK_SHARD else members
            found += [stream.read() for m in kept if (stream := archive.extractfile(m)) is not None]
    if not found:
        raise SystemExit(f"{photos} holds no shards for training")
    return found


def photograph(code: bytes, random: np.random.Generator) -> Array:
    """Return a part of a photograph as some film would have seen it, SIDE×SIDE, 0–1."""
    picture = cv2.imdecode(np.frombuffer(code, np.uint8), cv2.IMREAD_COLOR)
    picture = picture[:, ::-1] if random.random() < 0.5 else picture
    height, width = picture.shape[:2]
    h, w = (int(side * random.uniform(0.7, 1.0)) for side in (height, width))
    y, x = random.integers(height - h + 1), random.integers(width - w + 1)
    part = cv2.resize(picture[y : y + h, x : x + w], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    # From orthochromatic film, blind to red, to panchromatic film behind a red filter.
    response = np.array([0.11, 0.59, 0.3]) + random.dirichlet([1, 1.5, 1]) * random.choice([0, 0.5, 2])
    grey = part.astype(np.float32) @ (response / response.sum() / 255).astype(np.float32)
    return framed(developed(grey, random), random)


def developed(grey: Array, random: np.random.Generator) -> Array:
    """Return a picture with another tone curve, contrast, blur and grain; what was lighter stays lighter."""
    gamma = np.exp(random.uniform(-0.8, 0.8))
    grey = np.clip(grey, 1e-3, 1 - 1e-3)
    grey = grey**gamma if random.random() < 0.5 else 1 - (1 - grey) ** gamma
    if random.random() < 0.25:
        # A negative's transmittance is a power of the scene's: steep in the lights when seen inverted.
        floor = np.exp(random.uniform(-3.5, -0.5))
        grey = (1 - floor / (floor + grey)) * (1 + floor)
    low = random.uniform(0, 0.35) * (random.random() < 0.6)
    grey = low + (random.uniform(max(0.55, low + 0.3), 1.0) - low) * grey
    if random.random() < 0.3:
        grey = cv2.GaussianBlur(grey, (0, 0), random.uniform(0.4, 1.6))
    grey = grey + random.normal(0, random.uniform(0, 0.05), grey.shape)
    return np.clip(grey, 0, 1).astype(np.float32)


def framed(grey: Array, random: np.random.Generator) -> Array:
    """Return a picture with or without a margin, of whichever tone: margins must decide nothing."""
    if random.random() < 0.6:
        return grey
    tone = random.choice([random.uniform(0, 0.15), random.uniform(0.75, 1.0), random.uniform(0, 1)])
    out = np.full_like(grey, tone)
    top, left, bottom, right = (
        int(random.uniform(0, 0.1) * SIDE * (random.random() < 0.7)) for _ in range(4)
    )
    inner = (SIDE - left - right, SIDE - top - bottom)
    out[top : SIDE - bottom, left : SIDE - right] = cv2.resize(grey, inner, interpolation=cv2.INTER_AREA)
    return out


def page(random: np.random.Generator) -> Array:
    """Return a page, a drawing or a map, SIDE×SIDE, 0–1, one in four as a photostat, white on black."""
    draw = list(kind_samples.DOCUMENTS.values())[random.integers(3)]
    sheet = draw(random)
    height, width = sheet.shape[:2]
    h, w = (int(side * random.uniform(0.75, 1.0)) for side in (height, width))
    y, x = random.integers(height - h + 1), random.integers(width - w + 1)
    grey = cv2.cvtColor(sheet[y : y + h, x : x + w], cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    grey = framed(developed(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), random), random)
    return 1 - grey if random.random() < 0.25 else grey


def batches(codes: list[bytes], pages: list[Array], random: np.random.Generator) -> Iterator[torch.Tensor]:
    """Yield `PAIRS` photographs followed by `PAGES` pages, N×1×SIDE×SIDE."""
    while True:
        drawn = [photograph(codes[i], random) for i in random.integers(0, len(codes), PAIRS)]
        drawn += [pages[i] for i in random.integers(0, len(pages), PAGES)]
        yield torch.from_numpy(np.stack(drawn)[:, None])


def train(photos: Path, minutes: float, onward: bool, seed: int = 0) -> tuple[PolarityNetwork, int]:
    """Return the trained network and how many photographs it saw; `onward` from the shipped weights."""
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    codes = read_encoded(photos)
    pages = [page(random) for _ in range(200)]
    network = PolarityNetwork()
    known = lite0_weights()
    network.encoder.load_state_dict({k: known[k] for k in network.encoder.state_dict()})
    if onward:
        network.load_state_dict(load()[0].state_dict())
        network.requires_grad_(True)
    # The statistics of ImageNet hold: a batch of pairs has others than a scan alone.
    network = network.eval().to(memory_format=torch.channels_last)
    trunk = _Trained(network)
    body = list(network.encoder.blocks[_FROZEN_BLOCKS:].parameters())
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": _BODY_RATE}, {"params": network.head.parameters(), "lr": _HEAD_RATE}],
        weight_decay=1e-2,
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    step, right = 0, 0.5
    began = time.process_time()
    for batch in batches(codes, pages, random):
        share = (time.process_time() - began) / (60 * minutes)
        if share >= 1:
            break
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / 30) * 0.5 * (1 + np.cos(np.pi * share))
        negative, document = both_ways(trunk, batch)
        is_page = torch.zeros(len(batch))
        is_page[PAIRS:] = 1
        loss = functional.softplus(negative[:PAIRS].float()).mean()
        loss = loss + functional.binary_cross_entropy_with_logits(document.float(), is_page)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        right = 0.98 * right + 0.02 * float((negative[:PAIRS] < 0).float().mean())
        step += 1
        if step % 50 == 0:
            sys.stdout.write(f"{share:.2f} step {step} loss {loss.item():.3f} right {right:.4f}\n")
            sys.stdout.flush()
    return network, step * PAIRS


class _Trained(torch.nn.Module):
    """The network with its untrained blocks at half precision, where a step spends least on them."""

    def __init__(self, network: PolarityNetwork) -> None:
        super().__init__()
        self.network = network
        self.fixed = deepcopy(network.encoder).bfloat16().requires_grad_(False)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            seen = as_seen(grey).bfloat16().contiguous(memory_format=torch.channels_last)
            x = convolve(self.fixed.stem, seen, norm=self.fixed.stem_norm, rectify="relu6")
            for block in self.fixed.blocks[:_FROZEN_BLOCKS]:
                x = block(x)
        x, levels = x.clone(), []
        with torch.autocast("cpu", torch.bfloat16):
            for i, block in enumerate(self.network.encoder.blocks[_FROZEN_BLOCKS:], _FROZEN_BLOCKS):
                x = block(x)
                if i in self.network.encoder.level_ends:
                    levels.append(x)
        return self.network.judge(levels)


def export(network: PolarityNetwork, folder: Path, version: str, seen: int) -> None:
    """Write weights as float16 safetensors, and their descriptor."""
    encoded = encode(network.state_dict())
    descriptor = PolarityDescriptor(
        name=NAME,
        version=version,
        sha256=encoded.sha256,
        license="Apache-2.0",
        size=SizeRequirements(multiple_of=SIDE),
        bytes=len(encoded.content),
        parameters=encoded.parameters,
        training={"photographs seen": seen},
    )
    write_model(descriptor, encoded, folder)


def main() -> int:
    """Train and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--minutes", type=float, default=8, help="of one core")
    parser.add_argument("--onward", action="store_true", help="from the shipped weights, not from ImageNet's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--into", type=Path, default=WEIGHTS)
    parser.add_argument("--version", default="1")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network, seen = train(arguments.photos, arguments.minutes, arguments.onward, arguments.seed)
    export(network, arguments.into, arguments.version, seen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
