"""Who is on call stands in the row that the search reads, whoever changes the person, and by whichever way."""

from typing import Any

import pytest
from django.db import connection

from apps.devices.models import HelperPosition
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.users.models import Role, Status, User
from tests.conftest import HERE

pytestmark = pytest.mark.django_db


def by_shell(user: User, **changes: Any) -> None:
    columns = ", ".join(f"{name} = %s" for name in changes)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE users_user SET {columns} WHERE id = %s", [*changes.values(), user.pk])


def by_orm(user: User, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(user, name, value)
    user.save()


def by_query(user: User, **changes: Any) -> None:
    User.objects.filter(pk=user.pk).update(**changes)


@pytest.mark.parametrize("change", [by_shell, by_orm, by_query])
@pytest.mark.parametrize(
    ("changes", "is_on_call"),
    [
        ({"on_duty": False}, False),
        ({"status": Status.BANNED}, False),
        ({"status": Status.BANNED, "on_duty": False}, False),
        ({"full_name": "Another name"}, True),
    ],
)
def test_on_call_follows_duty_and_status(helper: Any, change: Any, changes: dict[str, Any], is_on_call: bool) -> None:
    user = helper()
    assert HelperPosition.objects.get().on_call
    change(user, **changes)
    assert HelperPosition.objects.get().on_call is is_on_call
    change(user, on_duty=True, status=Status.ACTIVE)
    assert HelperPosition.objects.get().on_call


@pytest.mark.parametrize("change", [by_shell, by_orm, by_query])
def test_row_comes_and_goes_with_the_role(person: Any, change: Any) -> None:
    user = person(on_duty=True)
    assert not HelperPosition.objects.exists()
    change(user, role=Role.HELPER)
    there = HelperPosition.objects.get()
    assert (there.user, there.on_call, there.position, there.recorded_at) == (user, True, None, None)
    change(user, role=Role.ADMIN)
    assert not HelperPosition.objects.exists()


def test_first_report_of_a_new_helper_says_where_they_are(person: Any) -> None:
    user = person(role=Role.HELPER)
    device, _ = register_device(user, "phone")
    record_fix(device, Fix(*HERE))
    there = HelperPosition.objects.get()
    assert (there.device, there.position and there.position.y, there.on_call) == (device, HERE[0], False)


def test_helpers_made_at_once_have_rows(db: None) -> None:
    people = [User(phone_number=f"+99893000000{n}", role=Role.HELPER, on_duty=n % 2 == 0) for n in range(4)]
    User.objects.bulk_create(people)
    assert sorted(HelperPosition.objects.values_list("on_call", flat=True)) == [False, False, True, True]
