"""The errors that Heliochrome raises, one small tree.

::

    HeliochromeError
    ├── ScanError                a file cannot be used; trying again does not help       scan
    │   ├── UnsupportedScan      a format, color model or feature that is not read
    │   ├── CorruptScan          truncated, lying or undecodable data
    │   ├── ScanTooLarge         more pixels, bytes or pages than the limits allow
    │   └── ForbiddenScan        a path outside the folder it was promised to be in
    ├── UnfinishedScan           the file is still being written; try again later         item
    ├── OptionsError             a parameter outside its range                            everyone
    ├── ModelError               weights that are absent, altered or of the wrong shape   everyone
    ├── StoreError               the file store is full, read-only or out of reach        everyone
    │   └── StoredFileError      one stored file is missing, altered or of no use         item
    ├── CatalogError             the catalog refuses a record                             item
    └── ServiceError             a service did not start, stop or answer, or is not set up everyone
        └── SigningError         certificates or the time-stamping service are of no use

Each message names the subject, what is wrong with it and what to do. Each class says whose fault it is, as
`Scope`: the right column.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar


class Scope(StrEnum):
    """Whose fault an error is, and with that what becomes of the photograph in hand and of its neighbors."""

    SCAN = "scan"
    """The scan's own: it is refused, once, until somebody brings another file or asks again."""
    ITEM = "item"
    """Something around this one photograph: it waits for the next try, its neighbors go on."""
    EVERYONE = "everyone"
    """Disk, database, network, models, settings: nobody's work can go on; all of it is tried again."""


class HeliochromeError(Exception):
    """Base of every error that Heliochrome raises on purpose.

    Parameters
    ----------
    subject
        What the error is about: a file, an option, a model, an accession number.
    fault
        What is wrong with it, in a few words.
    remedy
        What a person can do about it.
    """

    scope: ClassVar[Scope] = Scope.ITEM

    def __init__(self, subject: str | Path, fault: str, remedy: str) -> None:
        # All three reach Exception.args so that the error survives pickling between processes.
        super().__init__(subject, fault, remedy)
        self.subject = str(subject)
        self.fault = fault
        self.remedy = remedy

    def __str__(self) -> str:
        """Return ``subject: fault. remedy`` on one line, control characters escaped."""
        subject = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self.subject)
        return f"{subject}: {self.fault.rstrip('.')}. {self.remedy}"


class ScanError(HeliochromeError):
    """A scan that cannot be used; trying again does not help."""

    scope = Scope.SCAN


class UnsupportedScan(ScanError):
    """A format, color model or feature that Heliochrome does not read."""


class CorruptScan(ScanError):
    """Truncated, lying or undecodable data."""


class ScanTooLarge(ScanError):
    """More pixels, bytes or pages than the limits allow."""


class ForbiddenScan(ScanError):
    """A path outside the folder it was promised to be in."""


class UnfinishedScan(HeliochromeError):
    """A file that is still being written; trying again later helps."""


class OptionsError(HeliochromeError):
    """A parameter outside its range."""

    scope = Scope.EVERYONE


class ModelError(HeliochromeError):
    """Weights that are absent, altered or of the wrong shape."""

    scope = Scope.EVERYONE


class StoreError(HeliochromeError):
    """The file store is full, read-only or out of reach."""

    scope = Scope.EVERYONE


class StoredFileError(StoreError):
    """One stored file is missing, altered or of no use; the rest of the store is not to blame."""

    scope = Scope.ITEM


class CatalogError(HeliochromeError):
    """The catalog refuses a record."""


class ServiceError(HeliochromeError):
    """A service that did not start, stop or answer, or that is not set up."""

    scope = Scope.EVERYONE


class SigningError(ServiceError):
    """Certificates or a time-stamping service that no file can be signed with."""
