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
from django.db.models.expressions import RawSQL
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
    every = [{field.attname: field.pre_save(one, True) for field in fields} for one in new]
    keys = rows(statement, [json.dumps(every, default=_as_text)])
    if not or_ignore:
        for one, (key,) in zip(new, keys, strict=True):
            one.pk = key
            one._state.adding, one._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insertion(model: type[Model], or_ignore: bool) -> tuple[str, "list[Field[Any, Any]]"]:
    """The rows travel as one document, so that any number of them is one statement; the keys come in their order."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    typed = ", ".join(f'"{field.column}" {field.db_type(connections[DEFAULT_DB_ALIAS])}' for field in fields)
    statement = (
        f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {columns}'
        f" FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) AS ({typed})) WITH ORDINALITY AS new ORDER BY ordinality"
    )
    ending = " ON CONFLICT DO NOTHING" if or_ignore else f' RETURNING "{model._meta.pk.column}"'
    return statement + ending, fields


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


def given(name: str, cast: str = "") -> RawSQL:
    """Stands in a prepared query for a value that each run gives; `cast` such as "::bigint[]"."""
    return RawSQL(f"%s{cast}", [_Given(name)])  # noqa: S611 - a placeholder and a constant of ours


class Prepared(Generic[M]):
    """A queryset of whole models, with `given("name")` where its values go."""

    def __init__(self, make: Callable[[], QuerySet[M]]) -> None:
        self._make = make

    def all(self, **values: Any) -> list[M]:
        statement, parameters, read = self._written
        filled = [values[one.name] if isinstance(one, _Given) else one for one in parameters]
        return list(read(rows(statement, filled)))

    def first(self, **values: Any) -> M | None:
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
        converters = compiler.get_converters([column for column, *_ in select])
        related = get_related_populators(own, select, DEFAULT_DB_ALIAS)

        def read(found: list[tuple[Any, ...]]) -> Iterator[M]:
            for row in compiler.apply_converters(found, converters):
                one = own["model"].from_db(DEFAULT_DB_ALIAS, names, row[first:end])
                for populator in related:
                    populator.populate(row, one)
                yield one

        return statement, list(parameters), read
