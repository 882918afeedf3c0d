"""The closing table tells what was lost."""

import pytest
from rich.console import Console

from simulator.client import Api, Dispatcher, PhoneNetwork, Push, ScreenMessage, connection
from simulator.emergency import Emergency
from simulator.people.cast import Cast
from simulator.people.population import Population
from simulator.stage import Stage
from simulator.tally import Tally, called_twice, checks, closing

UID = "e-1"
NOWHERE = "http://127.0.0.1:1"


class Played(Stage):
    """A stage whose phones and screen are told by hand."""

    def __init__(self) -> None:
        dispatcher = Dispatcher(Api(connection(NOWHERE)), NOWHERE)
        super().__init__(Population([], {}, 0.0), dispatcher, PhoneNetwork(NOWHERE))

    def ring(self, token: str, notification_id: str, at: float, *, receipt: bool = True) -> None:
        data = {"event_uid": UID, "kind": "SOS_ALERT", "notification_id": notification_id}
        self._pushes[UID].append(Push(token, data, at))
        self.owed.add(notification_id)
        if receipt:
            self.receipts[notification_id] = at

    def show(self, seq: int = 1) -> None:
        self._take(ScreenMessage({"type": "sos_event", "seq": seq, "payload": {"event_uid": UID}}, 100.1))


@pytest.fixture
def stage() -> Played:
    """All went well: one event, shown, and two phones rang."""
    played = Played()
    played.show()
    played.ring("a", "n-1", 100.2)
    played.ring("b", "n-2", 100.3)
    return played


@pytest.fixture
def emergency() -> Emergency:
    cast = Cast(1, 10)
    faller = cast.wearers[0]
    return Emergency(1, UID, faller, next(cast.falls_of(faller)), faller.home, 100.0, 40.0, 999.0, state="helped")


def failed(stage: Stage, emergency: Emergency, tally: Tally | None = None) -> list[str]:
    return [
        check.what for check in checks(tally or Tally(signals=1, answered=1), stage, [emergency]) if not check.passed
    ]


def test_nothing_lost_is_said_so(stage: Played, emergency: Emergency) -> None:
    assert failed(stage, emergency) == []


def test_closing_table_names_figures(stage: Played, emergency: Emergency) -> None:
    console = Console(width=120)
    with console.capture() as shown:
        console.print(closing(Tally(signals=1, answered=1, fixes=1234), stage, [emergency]))
    text = shown.get()
    assert "1 of 1" in text
    assert "1 helped, 0 handed over" in text
    assert "1,234 fixes sent" in text
    assert "✗" not in text


def test_unanswered_signal_is_missed(stage: Played, emergency: Emergency) -> None:
    assert failed(stage, emergency, Tally(signals=2, answered=1)) == ["signals answered"]


def test_repeat_that_opened_another_event_is_found(stage: Played, emergency: Emergency) -> None:
    tally = Tally(signals=1, answered=1, repeats=3, repeats_merged=2)
    assert failed(stage, emergency, tally) == ["repeats taken as the same event"]


def test_event_the_dispatcher_never_saw_is_missed(emergency: Emergency) -> None:
    stage = Played()
    stage.ring("a", "n-1", 100.2)
    assert failed(stage, emergency) == ["events on the dispatcher's screen"]


def test_message_shown_twice_is_found(stage: Played, emergency: Emergency) -> None:
    stage.show()
    assert failed(stage, emergency) == ["messages the screen got twice"]
    assert stage.messages_shown == 1


def test_silent_phones_are_missed_unless_nobody_was_free(emergency: Emergency) -> None:
    stage = Played()
    stage.show()
    assert failed(stage, emergency) == ["events for which phones rang"]
    emergency.nobody_free = True
    assert failed(stage, emergency) == []


def test_lost_receipt_is_missed(stage: Played, emergency: Emergency) -> None:
    stage.ring("c", "n-3", 100.4, receipt=False)
    assert failed(stage, emergency) == ["receipts taken"]


def test_same_alert_delivered_twice_is_one_but_two_alerts_are_two(stage: Played) -> None:
    stage.ring("a", "n-1", 101.0)
    assert called_twice(stage, UID) == 0
    stage.ring("a", "n-9", 102.0)
    stage.ring("b", "n-8", 170.0)  # a reminder after a minute
    assert called_twice(stage, UID) == 1
