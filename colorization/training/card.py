"""The model card's factual part, from a descriptor; what the weights do badly is for a person to write."""

from __future__ import annotations

from collections.abc import Mapping

from colorization.chroma import NEAR
from colorization.descriptor import ColorDescriptor


def model_card(descriptor: ColorDescriptor, *, size: int, training: Mapping[str, str | float]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    descriptor
        Of the weights.
    size
        Size of the weights file.
    training
        How they were trained: steps, seconds, seed, device.
    """
    how = descriptor.decoding
    facts = {
        "architecture": descriptor.architecture.value,
        "weights": f"`{descriptor.weights}`, {size / 1e6:.1f} MB, half precision",
        "sha256": f"`{descriptor.sha256}`",
        "licence": descriptor.license,
        "input": f"L* and hints, sides in multiples of {descriptor.size.multiple_of} px "
        f"(padded by the loader), best at a long side of {descriptor.preferred_side} px",
        "output": f"{descriptor.bins} a*b* bins and regressed a*b*, at a quarter of the input's scale",
        "decoding": f"temperature {how.temperature:g}, regression {how.regression:g}, "
        f"vividness {how.vividness:g}, rebalancing taken back {how.restore_prior:g}",
        "confidence": f"chance that the true color lies within {NEAR:g} a*b* units of the one shown "
        f"(temperature {how.confidence_temperature:.2f})",
        "training": ", ".join(f"{name} {value}" for name, value in training.items()),
    }
    lines = [
        f"# {descriptor.name} {descriptor.version}",
        "",
        descriptor.description + ".",
        "",
        "| | |",
        "| --- | --- |",
    ]
    lines += [f"| {name} | {fact} |" for name, fact in facts.items()]
    lines += ["", "## Trained on", "", *(f"- {source}" for source in descriptor.data)]
    lines += [
        "",
        "The set is small and partly of unstated licence; no photograph of it is part of the weights' files.",
    ]
    if descriptor.figures:
        lines += ["", "## Figures", "", "| | |", "| --- | --- |"]
        lines += [f"| {name} | {value:g} |" for name, value in descriptor.figures.items()]
    return "\n".join(lines) + "\n"
