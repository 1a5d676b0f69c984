"""Conditions on objects by words, accents and case folded, that the indexes of `catalog.schema` serve."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, Text, cast, func, literal_column, or_
from sqlalchemy.sql.functions import Function

from catalog.objects import plain
from catalog.schema import NAMES, objects

names: ColumnElement[str] = literal_column(NAMES, Text)
"""Number, title and maker of an object, folded."""


def fold(words: str) -> Function[str]:
    """Return the words as the indexes have them."""
    return func.heliochrome_fold(cast(plain(words), Text), type_=Text)


def piece(words: str) -> Function[str]:
    """Return the pattern of LIKE (with ``/`` as escape) for what holds the words as one piece."""
    literally = re.sub("[/%_]", r"/\g<0>", words.strip())
    return fold(f"%{literally}%")


def query(words: str) -> Function[object]:
    """Return the words as a full-text query: ``word other``, ``"a phrase"``, ``-not``, ``or``."""
    return func.websearch_to_tsquery("simple", fold(words))


def about(words: str) -> ColumnElement[bool]:
    """Return the condition that an object has the words in its text, or in one piece in its names."""
    return or_(objects.c.search.op("@@")(query(words)), names.like(piece(words), escape="/"))
