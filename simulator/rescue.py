"""Who comes: helpers make up their minds, hurry, arrive; the dispatcher closes the event."""

import asyncio
from contextlib import suppress

from .chronicle import Chronicle
from .client import Helper, Push
from .emergency import Emergency
from .people.cast import Cast
from .people.city import Point
from .people.dice import dice
from .people.inhabitant import Inhabitant
from .stage import Stage
from .tally import Tally

GIVE_UP_S = 240.0
"""So long the dispatcher waits for somebody to arrive; less than the faller needs to recover."""
CLOSED_AFTER_S = (5.0, 20.0)
"""After the first has arrived."""
CLOSE_AGAIN_S = 30.0
SETS_OUT_S = 8.0
"""From accepting to being on the way."""
KNOWN_WITHIN_S = 60.0
"""A phone may ring before the watch has heard 201."""
ENGAGED_S = 300.0
"""So long an unanswered call keeps a phone from being called to another event."""
REACH_M = 9000.0
"""The last wave's radius is 10 km; somebody may have moved since."""


class Rescue:
    def __init__(
        self, stage: Stage, cast: Cast, helpers: dict[str, Inhabitant[Helper]], tally: Tally, chronicle: Chronicle
    ) -> None:
        self._stage = stage
        self._cast = cast
        self._helpers = helpers
        self._tally = tally
        self.chronicle = chronicle
        self.emergencies: dict[str, Emergency] = {}
        stage.react = self._consider

    @property
    def open(self) -> list[Emergency]:
        return [emergency for emergency in self.emergencies.values() if not emergency.is_over]

    def begin(self, emergency: Emergency) -> None:
        self.emergencies[emergency.uid] = emergency
        what = f"{emergency.fall.kind} severity {emergency.fall.severity}, answered in {emergency.answered_ms:.0f} ms"
        self.chronicle.note(emergency, what)
        self._stage.tell()

    def look_around(self, now_s: float) -> list[tuple[Emergency, Helper]]:
        """Sees who has arrived, in time of the city's life; the first to each."""
        on_the_way = [emergency for emergency in self.open if emergency.state == "on the way"]
        pairs = [(emergency, helper) for emergency in on_the_way for helper in emergency.coming]
        return [(emergency, helper) for emergency, helper in pairs if self._has_arrived(emergency, helper, now_s)]

    async def arrive(self, emergency: Emergency, helper: Helper) -> None:
        """Raises httpx.TransportError."""
        await helper.respond(emergency.uid, "ON_SCENE")

    def due(self, now_s: float) -> list[Emergency]:
        """Those the dispatcher closes now; should that fail, they are due again later."""
        due_now = [emergency for emergency in self.open if emergency.close_at_s <= now_s]
        for emergency in due_now:
            emergency.close_at_s = now_s + CLOSE_AGAIN_S
        return due_now

    async def close(self, emergency: Emergency, unhelped: str = "handed over") -> None:
        """`unhelped`: its state when nobody has arrived. Raises httpx.TransportError."""
        helped = emergency.state == "on scene"
        emergency.nobody_free = not self._stage.pushes_of(emergency.uid) and not self._somebody_was_free(emergency)
        await self._stage.dispatcher.resolve(emergency.uid, "HELPED" if helped else "HANDED_OVER")
        emergency.state = "helped" if helped else unhelped
        for helper in emergency.coming:
            helper.errand = None
            self._helpers[helper.push_token].life.walk.go_on()
        self.chronicle.note(emergency, emergency.state)

    def _has_arrived(self, emergency: Emergency, helper: Helper, now_s: float) -> bool:
        if emergency.state != "on the way" or not self._helpers[helper.push_token].life.walk.has_arrived:
            return False
        emergency.state = "on scene"
        own = dice(self._cast.seed, emergency.faller.key, emergency.fall.at_s, "close")
        emergency.close_at_s = now_s + own.uniform(*CLOSED_AFTER_S)
        self.chronicle.note(emergency, f"{helper.full_name} is there")
        return True

    async def _consider(self, helper: Helper, push: Push) -> None:
        if push.data.get("kind") != "SOS_ALERT":
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(KNOWN_WITHIN_S):
                emergency = await self._stage.until(lambda: self.emergencies.get(push.data["event_uid"]))
            if helper.push_token not in emergency.considered_by:
                emergency.considered_by.add(helper.push_token)
                await self._answer(helper, emergency, float(push.data["distance_m"]))

    async def _answer(self, helper: Helper, emergency: Emergency, distance_m: float) -> None:
        resident = self._helpers[helper.push_token].resident
        answer = self._cast.answer(resident, emergency.faller, emergency.fall, distance_m)
        if answer.status is None:
            self._tally.answers["silent"] += 1
            return
        await asyncio.sleep(answer.after_s)
        if answer.status == "ACCEPTED":
            await self._accept(helper, emergency)
        else:
            await self._decline(helper, emergency)

    async def _accept(self, helper: Helper, emergency: Emergency) -> None:
        answer = await helper.respond(emergency.uid, "ACCEPTED")
        if answer.status_code != 200:
            self._tally.answers["too late"] += 1
            return
        self._tally.answers["came"] += 1
        if emergency.is_over:  # the dispatcher closed it while the answer was on its way
            return
        event = answer.json()
        helper.errand = emergency.uid
        self._helpers[helper.push_token].life.hurry_to(Point(event["lat"], event["lon"]))
        emergency.coming.append(helper)
        if emergency.state == "calling":
            emergency.state = "on the way"
        self.chronicle.note(emergency, f"{helper.full_name} comes")
        await asyncio.sleep(SETS_OUT_S)
        if not emergency.is_over:
            await helper.respond(emergency.uid, "EN_ROUTE")

    async def _decline(self, helper: Helper, emergency: Emergency) -> None:
        answer = await helper.respond(emergency.uid, "DECLINED")
        if answer.status_code == 200:
            emergency.declined += 1
        self._tally.answers["declined" if answer.status_code == 200 else "too late"] += 1

    def _somebody_was_free(self, emergency: Emergency) -> bool:
        """From before it began until now, and near enough: the service could have called them."""
        return any(
            helper.person.is_on
            and helper.person.errand is None
            and helper.person.rung_at < emergency.sent_at - ENGAGED_S
            and helper.life.walk.place.distance_m(emergency.place) < REACH_M
            for helper in self._helpers.values()
        )
