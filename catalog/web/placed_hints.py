"""Color hints as the review page sends them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from catalog import given_hints
from catalog.iiif.presentation import hint_chroma
from imaging.errors import OptionsError

MOST_HINTS = 200

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""What PostgreSQL can hold: anything but NUL."""


class PlacedHint(BaseModel):
    """A color hint as the page sends it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    radius: float = Field(default=0.01, ge=given_hints.LEAST_RADIUS, le=1)
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    source: Text = Field(min_length=1, max_length=500)
    citation: Text = Field(default="", max_length=500)
    source_date: Text = Field(default="", max_length=100)

    def hint(self) -> given_hints.Hint:
        """Return the hint with its color as it was given, and as chroma."""
        a, b = hint_chroma(self.color)
        return given_hints.Hint(
            x=self.x,
            y=self.y,
            radius=self.radius,
            a=a,
            b=b,
            source=self.source,
            citation=self.citation,
            source_date=self.source_date,
            color=self.color,
        )


_PLACED = TypeAdapter(Annotated[list[PlacedHint], Field(max_length=MOST_HINTS)])


def read_hints(text: str) -> list[given_hints.Hint]:
    """Return the hints of a JSON list of `PlacedHint`.

    Raises
    ------
    OptionsError
        It is no such list.
    """
    try:
        return [placed.hint() for placed in _PLACED.validate_json(text)]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "hints"
        raise OptionsError(where, first["msg"], "Place the hint again.") from error
