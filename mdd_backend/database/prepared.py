"""SQL on the way of an SOS: written once, and planned by PostgreSQL once a connection.

Making a query by the ORM and planning it takes several times as long as to run it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from django.contrib.gis.geos import GEOSGeometry
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, Model, QuerySet
from django.db.models.expressions import DatabaseDefault, RawSQL, Value
from django.db.models.query import get_related_populators  # type: ignore[attr-defined]

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
    every = [{field.attname: _plain(one, field) for field in fields} for one in new]
    keys = rows(statement, [json.dumps(every, default=_as_text)])
    if not or_ignore:
        for one, (key,) in zip(new, keys, strict=True):
            one.pk = key
            one._state.adding, one._state.db = False, DEFAULT_DB_ALIAS


def update(one: Model) -> None:
    """Saves all of a row's values, which are plain (no expressions)."""
    statement, fields = _update(type(one))
    rows(statement, [json.dumps({field.attname: field.pre_save(one, False) for field in fields}, default=_as_text)])


def _plain(one: Model, field: "Field[Any, Any]") -> Any:
    """What goes into the row; a default that the database has as a plain value is set on the model as well."""
    value = field.pre_save(one, True)
    if not isinstance(value, DatabaseDefault):
        return value
    (default,) = value.get_source_expressions()
    if not isinstance(default, Value):
        raise TypeError(f"{field} has a default that only the database can work out")
    setattr(one, field.attname, default.value)
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


@dataclass(frozen=True)
class _Given:
    name: str


def given(name: str) -> RawSQL:
    """Stands in a prepared query for a value that each run gives."""
    return RawSQL("%s", [_Given(name)])


def one_of(name: str, type_: str) -> RawSQL:
    """The same behind `__in`, for a list of PostgreSQL's `type_`."""
    return found_by(f"SELECT unnest(%s::{type_}[])", name)


def found_by(statement: str, *names: str) -> RawSQL:
    """Behind `__in`: what a statement of ours finds, given these values in its places."""
    return RawSQL(statement, [_Given(name) for name in names])  # noqa: S611 - only constants come here


class Prepared(Generic[M]):
    """A queryset of models, with `given("name")` and `one_of("name", "bigint")` where its values go."""

    def __init__(self, make: Callable[[], QuerySet[M]]) -> None:
        self._make = make

    def all(self, **values: Any) -> list[M]:
        """Every model that the query finds with these values."""
        statement, parameters, read = self._written
        filled = [values[one.name] if isinstance(one, _Given) else one for one in parameters]
        return list(read(rows(statement, filled)))

    def first(self, **values: Any) -> M | None:
        """The first of them, or None."""
        return next(iter(self.all(**values)), None)

    @cached_property
    def _written(self) -> tuple[str, list[Any], Callable[[list[tuple[Any, ...]]], Iterator[M]]]:
        """Its SQL, what goes in, and what makes models of rows: as Django's own ModelIterable does."""
        compiler = self._make().query.get_compiler(DEFAULT_DB_ALIAS)
        statement, parameters = compiler.as_sql()
        select, own = compiler.select, compiler.klass_info
        columns = own["select_fields"]
        first, end = columns[0], columns[-1] + 1
        names = [column[0].target.attname for column in select[first:end]]
        extra = compiler.annotation_col_map.items()
        converters = compiler.get_converters([column for column, *_ in select])
        related = get_related_populators(own, select, DEFAULT_DB_ALIAS)

        def read(found: list[tuple[Any, ...]]) -> Iterator[M]:
            for row in compiler.apply_converters(found, converters):
                one = own["model"].from_db(DEFAULT_DB_ALIAS, names, row[first:end])
                for populator in related:
                    populator.populate(row, one)
                for name, column in extra:
                    setattr(one, name, row[column])
                yield one

        return statement, list(parameters), read
