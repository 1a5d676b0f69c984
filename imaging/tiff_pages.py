"""Which directories of a TIFF file are scanned pictures.

Cameras and scanner software put a thumbnail first and the picture into its SubIFD (DNG 1.6, TIFF/EP), or
append a thumbnail without marking it (NewSubfileType, TIFF 6.0 §8). A picture's smaller copies are not pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import UnsupportedScan
from imaging.tiff import Directory, Tag, read_directories, read_subdirectories

_LARGEST_THUMBNAIL = 512
"""Longer side, px."""
_THUMBNAIL_SHARE = 3
"""A thumbnail's sides are at most this fraction of the picture's."""


@dataclass(frozen=True)
class TiffPage:
    """One picture of a TIFF file.

    Parameters
    ----------
    directory
        Where the picture lies.
    main
        The directory of the chain: the same one, or that whose SubIFD it is.
    count
        How many pictures the file has.
    remarks
        Remarks on how it was found.
    """

    directory: Directory
    main: Directory
    count: int
    remarks: tuple[str, ...] = ()

    def states(self, tag: Tag) -> bool:
        """Whether a tag is present in the picture's directory or in the one above it."""
        return tag in self.directory.firsts or tag in self.main.firsts

    def first(self, tag: Tag, default: int) -> int:
        """Return the first value of a tag in the picture's directory or in the one above it."""
        return self.directory.first(tag, self.main.first(tag, default))


def find_page(path: Path, page: int, max_directories: int) -> TiffPage:
    """Return a picture of a TIFF file, counted from 0 without smaller copies, masks and thumbnails.

    Raises
    ------
    UnsupportedScan
        When there is no such page, or only reduced copies.
    CorruptScan, ScanTooLarge
        As `read_directories`.
    """
    chain = read_directories(path, max_directories)
    found = list(_pictures(chain, max_directories))
    if not found:
        if any(Tag.WIDTH in directory.firsts for directory in chain):
            fault = "it states that it holds only a reduced copy"
            raise UnsupportedScan(path, fault, "Export the picture itself as TIFF; develop raw files.")
        raise UnsupportedScan(path, "it holds no picture", "Export it as TIFF again.")
    pictures: list[tuple[Directory, Directory]] = []
    for main, directory in found:
        if not any(_is_thumbnail(directory, picture) for _, picture in pictures):
            pictures.append((main, directory))
    if not 0 <= page < len(pictures):
        raise UnsupportedScan(
            path, f"it has no page {page}", f"Ask for a page from 0 to {len(pictures) - 1}."
        )
    main, directory = pictures[page]
    remarks = []
    if main is not directory:
        remarks.append("the picture lies in a SubIFD; the thumbnail above it is left out")
    if left_out := len(found) - len(pictures):
        thumbnails = "a small copy" if left_out == 1 else f"{left_out} small copies"
        remarks.append(f"{thumbnails} of another page, not marked as such, left out")
    return TiffPage(directory, main, len(pictures), tuple(remarks))


def _pictures(chain: Sequence[Directory], most: int) -> Iterator[tuple[Directory, Directory]]:
    """Yield each picture with the directory of the chain that leads to it."""
    room = most - len(chain)
    for main in chain:
        found = read_subdirectories(main, room)
        room -= len(found)
        below = [directory for directory in found if directory.is_page]
        own = [main] if main.is_page else []
        largest = max([*own, *below], key=lambda directory: directory.pixels, default=None)
        if largest is not None and (own or largest.pixels > main.pixels):
            yield main, largest


def _is_thumbnail(directory: Directory, picture: Directory) -> bool:
    width, height = directory.first(Tag.WIDTH, 0), directory.first(Tag.HEIGHT, 0)
    whole = picture.first(Tag.WIDTH, 0), picture.first(Tag.HEIGHT, 0)
    small = max(width, height) <= min(_LARGEST_THUMBNAIL, max(whole) / _THUMBNAIL_SHARE)
    # Rounding each side to whole pixels moves the ratio by no more than this.
    return small and abs(width * whole[1] - height * whole[0]) <= max(whole)
