"""Kinds of columns that the tables of `catalog.schema` share."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Text,
    func,
)
from sqlalchemy.types import TypeDecorator

E = TypeVar("E", bound=StrEnum)


class EnumText(TypeDecorator[E]):
    """A text column that holds the values of one `StrEnum`."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[E]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Refuse what is not a member."""
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Return the member."""
        return None if value is None else self.members(value)


def id_column() -> Column[int]:
    """Return the primary key ``id``."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def timestamp_column(name: str) -> Column[Any]:
    """Return a column for a moment, now unless given."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def foreign_key(table: str, nullable: bool = False, **options: Any) -> Column[int]:
    """Return a column that refers to the ``id`` of `table`, named after it: ``scan_id`` for ``scans``."""
    return Column(
        f"{table.rstrip('s')}_id", BigInteger, ForeignKey(f"{table}.id"), nullable=nullable, **options
    )


def text_column(name: str) -> Column[str]:
    """Return a column for text, empty unless given."""
    return Column(name, Text, nullable=False, server_default="")


def sha256_column(name: str, nullable: bool = False) -> tuple[Column[str], CheckConstraint]:
    """Return a column for a sha256 in hexadecimal digits, and its check constraint."""
    rule = CheckConstraint(f"{name} ~ '^[0-9a-f]{{64}}$'", name=name)
    return Column(name, Text, nullable=nullable), rule


def enum_column(
    name: str, members: type[StrEnum], nullable: bool = False
) -> tuple[Column[Any], CheckConstraint]:
    """Return a column for the values of an enum, and its check constraint."""
    values = ", ".join(f"'{member.value}'" for member in members)
    rule = CheckConstraint(f"{name} IN ({values})", name=name)
    return Column(name, EnumText(members), nullable=nullable), rule


def flag_column(name: str) -> Column[bool]:
    """Return a column for yes or no, no unless given."""
    return Column(name, Boolean, nullable=False, server_default="false")
