"""PostgreSQL is told of tables that have grown since it looked at them, once."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from mdd_backend.database import statistics


def grow(name: str, groups: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        Group.objects.bulk_create(Group(name=f"{name} {n}") for n in range(groups))
        cursor.execute("SELECT pg_stat_force_next_flush()")


@pytest.mark.django_db(transaction=True)
def test_table_that_has_trebled_is_analysed_once() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE auth_group")
    grow("a few", 150)
    assert "auth_group" not in statistics.refresh()
    grow("more", 150)
    assert "auth_group" in statistics.refresh()
    assert "auth_group" not in statistics.refresh()
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'auth_group'")
        assert cursor.fetchone() == (300,)
    grow("twice as many", 600)
    assert "auth_group" not in statistics.refresh()
    grow("and more", 300)
    assert "auth_group" in statistics.refresh()
