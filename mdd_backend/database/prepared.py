"""SQL on the way of an SOS: written once, and planned by PostgreSQL once a connection.

Making a query by the ORM and planning it takes several times as long as to run it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault, Value

M = TypeVar("M", bound=Model)


def rows(statement: str, values: Mapping[str, Any] | list[Any]) -> list[tuple[Any, ...]]:
    """Runs a statement, in the transaction if there is one; what it returns. jsonb comes as text."""
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    here.validate_no_broken_transaction()
    if here.queries_logged:
        here.queries_log.append({"sql": statement, "time": "0"})  # as Django counts its own
    with here.wrap_database_errors, psycopg.Cursor(here.connection) as cursor:
        cursor.execute(statement, values, prepare=True)
        answer = cursor.pgresult
        return cursor.fetchall() if answer and answer.nfields else []


def insert(*new: Model, or_ignore: bool = False) -> None:
    """Adds rows of one model, whose values are plain (no expressions), and gives each its key.

    or_ignore: leaves out those that break a unique constraint; then no row is given its key.
    """
    statement, fields = _insertion(type(new[0]), or_ignore)
    every = [{field.attname: _plain(instance, field) for field in fields} for instance in new]
    keys = rows(statement, [json.dumps(every, default=_as_text)])
    if not or_ignore:
        for instance, (key,) in zip(new, keys, strict=True):
            instance.pk = key
            instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS


def update(instance: Model) -> None:
    """Saves all of a row's values, which are plain (no expressions)."""
    statement, fields = _update(type(instance))
    values = {field.attname: field.pre_save(instance, False) for field in fields}
    rows(statement, [json.dumps(values, default=_as_text)])


def _plain(instance: Model, field: "Field[Any, Any]") -> Any:
    """What goes into the row; a default that the database has as a plain value is set on the model as well."""
    value = field.pre_save(instance, True)
    if not isinstance(value, DatabaseDefault):
        return value
    (default,) = value.get_source_expressions()
    if not isinstance(default, Value):
        raise TypeError(f"{field} has a default that only the database can work out")
    setattr(instance, field.attname, default.value)
    return default.value


# Rows travel as one document, so that any number of them is one statement.
@cache
def _insertion(model: type[Model], or_ignore: bool) -> tuple[str, "list[Field[Any, Any]]"]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    statement = (
        f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {columns}'
        f" FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) AS ({_typed(fields)})) WITH ORDINALITY AS new"
        " ORDER BY ordinality"  # and so come the keys
    )
    return statement + (" ON CONFLICT DO NOTHING" if or_ignore else f' RETURNING "{model._meta.pk.column}"'), fields


@cache
def _update(model: type[Model]) -> tuple[str, "list[Field[Any, Any]]"]:
    fields = list(model._meta.concrete_fields)
    changes = ", ".join(f'"{field.column}" = new."{field.column}"' for field in fields if not field.primary_key)
    statement = (
        f'UPDATE "{model._meta.db_table}" AS old SET {changes}'
        f" FROM jsonb_to_record(%s::jsonb) AS new ({_typed(fields)})"
        f' WHERE old."{model._meta.pk.column}" = new."{model._meta.pk.column}"'
    )
    return statement, fields


def _typed(fields: "list[Field[Any, Any]]") -> str:
    here = connections[DEFAULT_DB_ALIAS]
    return ", ".join(f'"{field.column}" {field.db_type(here)}' for field in fields)


def _as_text(value: object) -> str:
    """As PostgreSQL reads it."""
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case GEOSGeometry():
            return value.hexewkb.decode()
        case bytes():
            return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} has no form in a row")


class Columns(Generic[M]):
    """Columns of a model's table in a statement of ours, written by `str`, and what makes a model of their values.

    names: of the fields, as `Field.attname`; none: all. A field left out is read when it is asked for, as after
    Django's `only()`.
    """

    def __init__(self, model: type[M], alias: str, *names: str) -> None:
        fields = [field for field in model._meta.concrete_fields if not names or field.attname in names]
        if missing := {*names} - {field.attname for field in fields}:
            raise FieldDoesNotExist(f"{model.__name__} has no {', '.join(sorted(missing))}")
        self._model, self._alias = model, alias
        self._columns = [field.column for field in fields]
        self._names = [field.attname for field in fields]
        self._key = self._names.index(model._meta.pk.attname)
        self._read = [(n, field.from_db_value) for n, field in enumerate(fields) if hasattr(field, "from_db_value")]

    def __str__(self) -> str:
        return ", ".join(f'{self._alias}."{column}"' for column in self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def model_of(self, values: Sequence[Any]) -> M | None:
        """The model; None of a row that an outer join has not found."""
        if values[self._key] is None:
            return None
        here, given = connections[DEFAULT_DB_ALIAS], [*values]
        for n, read in self._read:
            given[n] = read(given[n], None, here)
        return self._model.from_db(DEFAULT_DB_ALIAS, self._names, given)


def models(statement: str, values: Mapping[str, Any] | list[Any], *selected: Columns[Any]) -> Iterator[tuple[Any, ...]]:
    """Runs a statement that selects these columns first: of each row their models, then what else it selects."""
    for row in rows(statement, values):
        made, at = [], 0
        for columns in selected:
            made.append(columns.model_of(row[at : at + len(columns)]))
            at += len(columns)
        yield (*made, *row[at:])
