"""Rows as frozen dataclasses: a field is a column of the same name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table

R = TypeVar("R")


def columns(table: Table, record: type[Any]) -> list[ColumnElement[Any]]:
    """Return those columns of `table` that the dataclass `record` has fields for, in the fields' order."""
    return [table.c[field.name] for field in fields(record) if field.name in table.c]


def read(record: type[R], row: Row[*tuple[Any, ...]], **more: Any) -> R:
    """Return a row as `record`; `more` gives the fields that are not columns."""
    return record(**row._mapping, **more)
