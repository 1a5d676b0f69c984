"""Words that all of the catalog shares: its stages, and what is said of pictures that software changed."""

from __future__ import annotations

from enum import StrEnum

from imaging.stage import Role

COLOR_NOTICE = (
    "The colors of the colorized picture are inferred by a model from a black-and-white photograph. "
    "They are plausible, not recorded: do not take them as evidence of what was there."
)
"""What has to be said wherever a colorized picture is shown or described."""

RESTORATION_NOTICE = (
    "This picture was restored by software: noise may be reduced, and damage mended with what was probably "
    "there. Its provenance record says what was done."
)

NOTICES = {
    Role.RESTORED: RESTORATION_NOTICE,
    Role.COLORIZED: COLOR_NOTICE,
    Role.ALTERNATIVE: COLOR_NOTICE,
}


class Stage(StrEnum):
    """The stages whose outcome the catalog keeps, by the names that they report."""

    RESTORATION = "restoration"
    COLORIZATION = "colorization"
    PROVENANCE = "provenance"
