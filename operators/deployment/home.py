"""The one folder that holds everything Heliochrome keeps: databases, store, inbox, secrets and logs.

Reads and writes nothing but its own folders; asking twice for the same secret returns the same secret.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

SECRET_BYTES = 48
"""Entropy of a generated secret; 48 bytes are 64 characters, what HMAC-SHA512 asks for."""


@dataclass(frozen=True)
class Home:
    """Names and creates the folders below one root.

    Parameters
    ----------
    root
        The state folder, absolute. `Home.at` makes it so.
    """

    root: Path

    @classmethod
    def at(cls, root: Path) -> Home:
        """Return the home at `root`, its folders created."""
        home = cls(root.expanduser().resolve())
        home.root.mkdir(parents=True, exist_ok=True)
        for folder in (home.inbox, home.store, home.airflow, home.logs):
            folder.mkdir(exist_ok=True)
        return home

    @property
    def inbox(self) -> Path:
        """Where scans are dropped."""
        return self.root / "inbox"

    @property
    def store(self) -> Path:
        """The content-addressed file store."""
        return self.root / "store"

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL: its data folder and its log."""
        return self.root / "postgres"

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``: what Airflow writes for itself."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """One log file per service."""
        return self.root / "logs"

    @property
    def addresses(self) -> Path:
        """The JSON file in which running services state where they answer."""
        return self.root / "services.json"

    def secret(self, name: str) -> str:
        """Return the secret `name`, generated on first use and kept in a file of mode 0600."""
        return self.secret_file(name).read_text()

    def secret_file(self, name: str) -> Path:
        """Return the file of the secret `name`, generated on first use."""
        folder = self.root / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / name
        if not path.exists():
            # Written beside and linked into place: two processes that ask at once get the same secret.
            draft = folder / f".{name}.{os.getpid()}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(SECRET_BYTES))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path
