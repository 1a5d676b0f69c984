"""Colors and places in words, as people and their sources name them."""

from __future__ import annotations

import re

from PIL import ImageColor

from imaging.errors import OptionsError

PIGMENTS = {
    "prussian blue": "#003153",
    "ultramarine": "#3f00ff",
    "cobalt blue": "#0047ab",
    "indigo blue": "#2a3b6e",
    "navy blue": "#1b2a4a",
    "sky blue": "#87ceeb",
    "carmine": "#960018",
    "vermilion": "#e34234",
    "madder": "#a12a3a",
    "wine red": "#5e1f2d",
    "brick red": "#8f3b2e",
    "ochre": "#cc7722",
    "yellow ochre": "#c9a24b",
    "burnt sienna": "#8a3d22",
    "umber": "#635147",
    "chestnut": "#704030",
    "straw": "#d8c27a",
    "cream": "#fffdd0",
    "field gray": "#5d6753",
    "field grey": "#5d6753",
    "khaki drab": "#7b6a45",
    "olive drab": "#6b8e23",
    "horizon blue": "#8fa3b8",
    "bottle green": "#1f4d3a",
    "emerald": "#50c878",
    "sepia": "#704214",
}
"""Names of pigments and cloths that CSS does not know, as sRGB; what a source calls so varies."""

PLACES = {
    f"{row} {column}".replace("middle center", "center"): ((x + 0.5) / 3, (y + 0.5) / 3)
    for y, row in enumerate(("upper", "middle", "lower"))
    for x, column in enumerate(("left", "center", "right"))
}
"""Places in a picture by their names, as shares of width and height."""


def color_of(words: str) -> str:
    """Return a color as ``#rrggbb``: a name of CSS or of `PIGMENTS`, or such a number.

    Examples
    --------
    >>> color_of("Prussian blue"), color_of("the darkblue"), color_of("#1B3A5E")
    ('#003153', '#00008b', '#1b3a5e')
    """
    name = re.sub(r"^(the|a|an)\s+", "", " ".join(words.lower().split()))
    if name in PIGMENTS:
        return PIGMENTS[name]
    try:
        red, green, blue = ImageColor.getrgb(name if name.startswith("#") else name.replace(" ", ""))[:3]
    except ValueError:
        remedy = f"Give it as #rrggbb, by a name of CSS, or as one of: {', '.join(PIGMENTS)}."
        raise OptionsError("color", f"{words!r} is no color that is known", remedy) from None
    return f"#{red:02x}{green:02x}{blue:02x}"


def place_of(words: str) -> tuple[float, float]:
    """Return a place, as shares of width and height: a name of `PLACES`, or two numbers.

    Examples
    --------
    >>> place_of("0.4, 0.75"), place_of("center")
    ((0.4, 0.75), (0.5, 0.5))
    """
    if (found := PLACES.get(" ".join(words.lower().split()))) is not None:
        return found
    try:
        x, y = (float(part) for part in words.split(","))
        if 0 <= x <= 1 and 0 <= y <= 1:
            return x, y
    except ValueError:
        pass
    remedy = f"Give x, y as shares of width and height, such as 0.4, 0.6, or one of: {', '.join(PLACES)}."
    raise OptionsError("place", f"{words!r} is no place in the picture", remedy)
