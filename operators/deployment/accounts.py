"""Who may log in to the embedded Airflow: one administrator, password generated once.

Airflow's simple auth manager reads the file that `write_accounts` writes. More people are named in
``AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS`` (``name:role``, comma-separated) and get generated passwords too.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from operators.deployment.home import Home

ADMINISTRATOR = "admin"
USERS_SETTING = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
PASSWORD_CHARACTERS = 20
"""Of the 64 that a secret has: 120 bits, and still short enough to copy from a screen."""


@dataclass(frozen=True)
class Account:
    """A name to log in with, and its password."""

    name: str
    role: str
    password: str = field(repr=False)


def write_accounts(home: Home) -> tuple[list[Account], dict[str, str]]:
    """Write the password file; return the accounts and the Airflow settings that make it count."""
    users = os.environ.get(USERS_SETTING) or f"{ADMINISTRATOR}:admin"
    if not any(user.split(":")[0] == ADMINISTRATOR for user in users.split(",")):
        users = f"{ADMINISTRATOR}:admin,{users}"
    accounts = []
    for user in users.split(","):
        name, _, role = user.strip().partition(":")
        accounts.append(Account(name, role or "viewer", home.secret(f"account-{name}")[:PASSWORD_CHARACTERS]))
    path = home.root / "secrets" / "accounts.json"
    _write_private(path, json.dumps({account.name: account.password for account in accounts}) + "\n")
    settings = {
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        USERS_SETTING: users,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(path),
    }
    return accounts, settings


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)
