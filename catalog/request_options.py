"""What a client may choose about a photograph that is colored on request."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from catalog import given_hints
from catalog.objects import LONGEST_ACCESSION_NUMBER
from imaging.scan_kind import ScanKind

MOST_HINTS = 200
MOST_ALTERNATIVES = 5

Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", strip_whitespace=True)]
"""What PostgreSQL can hold: anything but NUL."""


class Keep(StrEnum):
    """Where the outcome goes beside the request."""

    REQUEST = "request"
    """Nowhere: it is removed when the request expires or is withdrawn."""
    CATALOG = "catalog"
    """Into the catalog too, where it waits for review."""


class HintOption(BaseModel):
    """A color that somebody knows, and how it is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    x: float = Field(ge=0, le=1, description="Share of the upright picture's width.")
    y: float = Field(ge=0, le=1, description="Share of its height.")
    radius: float = Field(
        default=0.01, ge=given_hints.LEAST_RADIUS, le=0.5, description="Of its longer side."
    )
    a: float = Field(ge=-128, le=127, description="CIE a* (D65).")
    b: float = Field(ge=-128, le=127, description="CIE b* (D65).")
    source: Words = Field(min_length=1, max_length=500, description="Who or what says so.")

    def hint(self) -> given_hints.Hint:
        """Return it as the catalog keeps hints."""
        return given_hints.Hint(**self.model_dump())


class RequestOptions(BaseModel):
    """The options of a request; what is left out is as the workflow has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    denoise: float = Field(default=0.5, ge=0, le=1, description="Share of the noise that is taken away.")
    mend: bool = Field(default=True, description="Mend damage, or only find and show it.")
    sensitivity: float = Field(default=0.5, ge=0, le=1, description="How readily something counts as damage.")
    colorize: bool = Field(default=True, description="Infer colors, or only restore.")
    restraint: float | None = Field(
        default=None, ge=0, le=1, description="How far unsure color is drawn towards neutral."
    )
    alternatives: int = Field(
        default=0, ge=0, le=MOST_ALTERNATIVES, description="Other plausible colorings to make."
    )
    kind: ScanKind | None = Field(
        default=None, description="What it is, where it is taken for another thing."
    )
    hints: tuple[HintOption, ...] = Field(default=(), max_length=MOST_HINTS)
    keep: Keep = Field(default=Keep.REQUEST, description="Whether it is filed in the catalog for review.")
    accession_number: Words = Field(
        default="", max_length=LONGEST_ACCESSION_NUMBER, description="Under which it is filed."
    )

    @model_validator(mode="after")
    def _fits(self) -> RequestOptions:
        if self.keep is Keep.CATALOG and not (self.accession_number and self.accession_number.isprintable()):
            raise ValueError("keep: catalog needs the accession_number to file it under")
        if self.keep is Keep.REQUEST and self.accession_number:
            raise ValueError("accession_number goes with keep: catalog")
        if not self.colorize and (self.hints or self.alternatives):
            raise ValueError("hints and alternatives go with colorize: true")
        return self

    def as_json(self) -> dict[str, Any]:
        """Return the options as the catalog keeps them."""
        return self.model_dump(mode="json")
