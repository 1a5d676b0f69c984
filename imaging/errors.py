"""The errors that Heliochrome raises, one small tree.

::

    HeliochromeError
    ├── ScanError                a file can not be used; trying again does not help
    │   ├── UnsupportedScan      a format, color model or feature that is not read
    │   ├── CorruptScan          truncated, lying or undecodable data
    │   ├── ScanTooLarge         more pixels, bytes or pages than the limits allow
    │   └── ForbiddenScan        a path outside the folder it was promised to be in
    ├── UnfinishedScan           the file is still being written; try again later
    ├── OptionsError             a parameter outside its range
    ├── ModelError               weights that are absent, altered or of the wrong shape
    ├── StoreError               the file store is damaged or full
    ├── CatalogError             the catalog refuses a record
    └── ServiceError             a server that does not start or stop, or that is not set up

Each message names the subject, what is wrong with it and what to do.
"""

from __future__ import annotations

from pathlib import Path


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
    """A scan that can not be used; trying again does not help."""


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


class ModelError(HeliochromeError):
    """Weights that are absent, altered or of the wrong shape."""


class StoreError(HeliochromeError):
    """The file store is damaged or full."""


class CatalogError(HeliochromeError):
    """The catalog refuses a record."""


class ServiceError(HeliochromeError):
    """A server that does not start or stop, or that is not set up."""
