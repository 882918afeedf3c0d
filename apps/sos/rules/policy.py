"""Whom to call, how far out, how long to wait: frozen into an event as its plan when it opens."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.forms import model_to_dict

from apps.users.models import User
from mdd_backend.database import prepared

from .. import journal, sql
from ..journal.entries import PolicyChanged
from ..kinds import JournalKind
from ..models import DispatchPolicy

SEVERE = 4
MOST_WAVES = 10
# The least and the most of each; metres, people, seconds.
WAVE_BOUNDS = {"radius_m": (100, 50_000), "helpers": (1, 200), "wait_s": (5, 3600)}
BOUNDS = {
    "enough_helpers": (1, 20),
    "repeat_s": (60, 3600),
    "contacts_after_s": (0, 3600),
    "escalate_after_s": (0, 3600),
    "dedup_window_s": (0, 86_400),
    "position_max_age_s": (60, 86_400),
    "receipt_timeout_s": (5, 300),
    "movement_ask_s": (30, 3600),
    "movement_release_s": (31, 7200),
}


class Flawed(Exception):
    """The policy would make no sense; `flaws` says why, by field."""

    def __init__(self, flaws: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(why)}" for name, why in flaws.items()))
        self.flaws = flaws


class NoSuchPolicy(Exception):
    """The type of event has no policy of its own."""


def policy_of(detected_type: str) -> DispatchPolicy:
    """The policy of its own that a type of event has, else the one for all, else the defaults."""
    policies = {p.detected_type: p for (p,) in prepared.models(sql.POLICIES, [detected_type], sql.POLICY)}
    return policies.get(detected_type) or policies.get("") or DispatchPolicy()


def values_of(policy: DispatchPolicy) -> dict[str, Any]:
    """What a policy says, without for which events."""
    return model_to_dict(policy, exclude=["id", "detected_type"])


def plan_of(policy: DispatchPolicy, severity: int) -> dict[str, Any]:
    """The plan of a new event: metres, people, seconds. A severe one starts with the first two waves together."""
    plan = values_of(policy)
    if severity >= SEVERE and len(plan["waves"]) > 1:
        first, second, *rest = plan["waves"]
        plan["waves"] = [second | {"helpers": first["helpers"] + second["helpers"]}, *rest]
    return plan


def flaws_of(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with the values of a policy, by field; those that are not there are not missed."""
    flaws = {name: [wrong] for name, bounds in BOUNDS.items() if (wrong := _off(values.get(name, bounds[0]), bounds))}
    if "waves" in values and (wrong_waves := flaws_of_waves(values["waves"])):
        flaws["waves"] = wrong_waves
    ask, release = values.get("movement_ask_s"), values.get("movement_release_s")
    if not flaws and ask is not None and release is not None and release <= ask:
        flaws["movement_release_s"] = ["Is not later than movement_ask_s."]
    return flaws


def flaws_of_waves(waves: object) -> list[str]:
    """What is wrong with them, each with the number of its wave, from 1."""
    if not isinstance(waves, list) or not 1 <= len(waves) <= MOST_WAVES:
        return [f"Is not a list of 1 to {MOST_WAVES} waves."]
    wrong = [f"Wave {number}: {why}" for number, wave in enumerate(waves, 1) for why in _flaws_of_wave(wave)]
    if wrong:
        return wrong
    return [
        f"Wave {number}: radius_m is not larger than in the wave before."
        for number, (near, far) in enumerate(pairwise(waves), 2)
        if far["radius_m"] <= near["radius_m"]
    ]


def _flaws_of_wave(wave: object) -> list[str]:
    if not isinstance(wave, dict) or wave.keys() != WAVE_BOUNDS.keys():
        return [f"is not an object of {', '.join(WAVE_BOUNDS)}."]
    seen = {name: _off(wave[name], bounds) for name, bounds in WAVE_BOUNDS.items()}
    return [f"{name} {wrong[0].lower()}{wrong[1:]}" for name, wrong in seen.items() if wrong]


def _off(value: object, bounds: tuple[int, int]) -> str:
    least, most = bounds
    is_right = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return "" if is_right else f"Is not a whole number from {least} to {most}."


@transaction.atomic
def change_policy(detected_type: str, changes: Mapping[str, Any], dispatcher: User) -> DispatchPolicy:
    """Changes the policy of a type of event, or (blank) the one for all; events that are open keep their plan.

    A type's first change gives it a copy of its own. What changes nothing is not journalled. Raises Flawed.
    """
    policy = _held(detected_type)
    if not changes:
        return policy_of(detected_type)
    before, was_own = values_of(policy), policy.pk is not None
    if flaws := flaws_of(before | dict(changes)):
        raise Flawed(flaws)
    for name, value in changes.items():
        setattr(policy, name, value)
    changed = _changed(before, values_of(policy), was_own, True)
    if changed:
        policy.save()
        _tell(detected_type, changed, dispatcher)
    return policy


@transaction.atomic
def remove_policy(detected_type: str, dispatcher: User) -> None:
    """The type follows the policy for all again. Raises NoSuchPolicy."""
    policy = _held(detected_type)
    if not detected_type or policy.pk is None:
        raise NoSuchPolicy
    changed = _changed(values_of(policy), values_of(policy_of("")), True, False)
    policy.delete()
    _tell(detected_type, changed, dispatcher)


def _held(detected_type: str) -> DispatchPolicy:
    """The policy, changed by one at a time: whoever changes any holds the one for all. A type's first is its copy."""
    DispatchPolicy.objects.get_or_create(detected_type="")
    for_all = DispatchPolicy.objects.select_for_update().get(detected_type="")
    if not detected_type:
        return for_all
    own = DispatchPolicy.objects.filter(detected_type=detected_type).first()
    return own or DispatchPolicy(detected_type=detected_type, **values_of(for_all))


def _changed(old: dict[str, Any], new: dict[str, Any], was_own: bool, is_own: bool) -> dict[str, list[Any]]:
    """By field, what it was and what it is."""
    both = [("own", was_own, is_own), *((name, old[name], new[name]) for name in new)]
    return {name: [before, after] for name, before, after in both if before != after}


def _tell(detected_type: str, changed: dict[str, list[Any]], dispatcher: User) -> None:
    data = PolicyChanged(detected_type or None, changed)
    journal.write(journal.Entry(None, JournalKind.POLICY_CHANGED, dispatcher.pk, data))
