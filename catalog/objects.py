"""Museum objects: what was photographed or is the photograph, known by its accession number.

Natural key: the accession number. `upsert` repeated with the same records changes nothing, not even
`updated_at`; records that say something new overwrite what they speak of.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningInsert

from catalog import activities
from catalog.rights import canonical
from catalog.schema import objects
from catalog.table_rows import columns, read
from imaging.errors import CatalogError

LONGEST_ACCESSION_NUMBER = 100
"""Characters."""


@dataclass(frozen=True, kw_only=True)
class ObjectRecord:
    """What the catalog says about an object.

    Parameters
    ----------
    accession_number
        The museum's own number, up to 100 printable characters.
    title, description, maker, source
        Free text; `source` says where the object came from (a gift, a fonds, a purchase).
    date_text
        The date as the museum writes it: "ca. 1890".
    date_from, date_to
        The days it can mean, both included.
    rights
        URI of a rights statement (see `catalog.rights`), or empty.
    do_not_color
        Whether no colors may be inferred for its photographs, whatever anybody asks for.
    """

    accession_number: str
    title: str = ""
    description: str = ""
    maker: str = ""
    date_text: str = ""
    date_from: date | None = None
    date_to: date | None = None
    rights: str = ""
    source: str = ""
    do_not_color: bool = False


@dataclass(frozen=True, kw_only=True)
class CatalogObject(ObjectRecord):
    """An object's row; it is public when `published_at` is set."""

    id: int
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Upserted:
    """What an upsert did; `unchanged` counts records that said nothing new."""

    inserted: int
    updated: int
    unchanged: int


DESCRIPTIVE = tuple(field.name for field in fields(ObjectRecord) if field.name != "accession_number")
"""The fields that describe an object; an upsert can be limited to some of them."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a record, and what to do about it."""

    field: str
    fault: str
    remedy: str


def checked(record: ObjectRecord) -> ObjectRecord:
    """Return the record as the catalog keeps it: trimmed, in NFC, with the canonical rights URI.

    Raises
    ------
    CatalogError
        The accession number is unusable, a text holds control characters, the dates are in the wrong order
        or the rights URI is unknown.
    """
    record, faults = examined(record)
    for fault in faults:
        subject = record.accession_number or "accession number"
        raise CatalogError(subject, f"{fault.field} {fault.fault}", fault.remedy)
    return record


def examined(record: ObjectRecord) -> tuple[ObjectRecord, tuple[Fault, ...]]:
    """Return what `checked` returns, and all that is wrong with the record instead of raising the first."""
    texts: dict[str, Any] = {
        name: plain(value) for name, value in vars(record).items() if isinstance(value, str)
    }
    faults = [
        Fault(name, "holds a control character", "Remove it: it came from another program.")
        for name, value in texts.items()
        if not value.isprintable() and any(_is_control(character) for character in value)
    ]
    number = texts["accession_number"]
    if not number or len(number) > LONGEST_ACCESSION_NUMBER or not number.isprintable():
        words = f"is empty, unprintable or longer than {LONGEST_ACCESSION_NUMBER} characters"
        faults.append(Fault("accession_number", words, "Give the number that is written on the object."))
    if record.date_from and record.date_to and record.date_from > record.date_to:
        faults.append(Fault("date_from", f"{record.date_from} is after {record.date_to}", "Swap the dates."))
    if texts["rights"]:
        try:
            texts["rights"] = canonical(texts["rights"])
        except CatalogError as error:
            faults.append(Fault("rights", error.fault, error.remedy))
    return replace(record, **texts), tuple(faults)


def plain(text: str) -> str:
    """Return the form in which texts are kept and compared: without outer blanks, in Unicode's form NFC.

    macOS writes file names in NFD, where a letter and its accent are two characters.
    """
    return unicodedata.normalize("NFC", text).strip()


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"


def upsert(
    connection: Connection, records: Iterable[ObjectRecord], speaking_of: Collection[str] = DESCRIPTIVE
) -> Upserted:
    """Add objects, and overwrite the fields `speaking_of` of those that are there.

    Rows are written in the order of their keys, so that concurrent writers wait for each other instead of
    blocking each other. Public objects that change are told to harvesters.
    """
    rows = {record.accession_number: record for record in map(checked, records)}
    if not rows:
        return Upserted(0, 0, 0)
    ordered = [asdict(rows[number]) for number in sorted(rows)]
    return _counted(connection, insert(objects).values(ordered), speaking_of, len(ordered))


def upsert_from(
    connection: Connection, staging: FromClause, speaking_of: Collection[str], total: int
) -> Upserted:
    """Do what `upsert` does with the `total` checked rows of a staging table with the record's columns."""
    names = [field.name for field in fields(ObjectRecord)]
    rows: Select[*tuple[Any, ...]] = select(*(staging.c[name] for name in names))
    # Rows that say nothing new are left out before the upsert, which would compute their search words.
    known = (
        select(objects.c.id)
        .where(objects.c.accession_number == staging.c.accession_number)
        .where(*(objects.c[name].is_not_distinct_from(staging.c[name]) for name in speaking_of))
    )
    rows = rows.where(~known.exists())
    source = insert(objects).from_select(names, rows.order_by(staging.c.accession_number))
    return _counted(connection, source, speaking_of, total)


def _counted(connection: Connection, source: Insert, speaking_of: Collection[str], total: int) -> Upserted:
    written = connection.execute(_overwriting(source, speaking_of)).all()
    updated = [row.id for row in written if not row.inserted]
    activities.changed(connection, (row.id for row in written if row.published and not row.inserted))
    return Upserted(len(written) - len(updated), len(updated), total - len(written))


def _overwriting(source: Insert, speaking_of: Collection[str]) -> ReturningInsert[*tuple[Any, ...]]:
    named = {name: source.excluded[name] for name in speaking_of}
    returned: tuple[ColumnElement[Any], ...] = (
        objects.c.id,
        # A row version that no transaction has superseded or locked: it was inserted just now.
        literal_column("objects.xmax = 0").label("inserted"),
        objects.c.published_at.is_not(None).label("published"),
    )
    if not named:
        return source.on_conflict_do_nothing().returning(*returned)
    differs = tuple_(*(objects.c[name] for name in named)).is_distinct_from(tuple_(*named.values()))
    return source.on_conflict_do_update(
        index_elements=["accession_number"], set_={**named, "updated_at": func.now()}, where=differs
    ).returning(*returned)


def ensure(connection: Connection, record: ObjectRecord) -> CatalogObject:
    """Return the object with the record's accession number, made from the record when there is none."""
    if (found := find(connection, record.accession_number)) is not None:
        return found
    upsert(connection, [record], speaking_of=())
    return get(connection, checked(record).accession_number)


def find(connection: Connection, accession_number: str) -> CatalogObject | None:
    """Return the object with this accession number, or ``None``."""
    number = plain(accession_number)
    query = select(*columns(objects, CatalogObject)).where(objects.c.accession_number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else read(CatalogObject, row)


def get(connection: Connection, accession_number: str) -> CatalogObject:
    """Return the object with this accession number; raise `CatalogError` when there is none."""
    if (found := find(connection, accession_number)) is None:
        raise CatalogError(
            accession_number, "is not in the catalog", "Check the number, or import the object first."
        )
    return found


def by_id(connection: Connection, ids: Collection[int]) -> Mapping[int, CatalogObject]:
    """Return the objects with these row numbers."""
    query = select(*columns(objects, CatalogObject)).where(objects.c.id.in_(ids))
    return {row.id: read(CatalogObject, row) for row in connection.execute(query)}


def listed(
    connection: Connection, *, after: str = "", limit: int = 100, published: bool = False
) -> tuple[CatalogObject, ...]:
    """Return up to `limit` objects with accession numbers above `after`, in their order."""
    query = (
        select(*columns(objects, CatalogObject))
        .where(objects.c.accession_number > after)
        .order_by(objects.c.accession_number)
        .limit(limit)
    )
    if published:
        query = query.where(objects.c.published_at.is_not(None))
    return tuple(read(CatalogObject, row) for row in connection.execute(query))
