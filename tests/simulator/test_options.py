"""What `./mdd demo` may be asked for, and how it says no."""

from pathlib import Path

import pytest

from launcher.commands.demo import demo
from launcher.places import Home
from launcher.private.instance import Instance
from simulator import options


def test_everything_is_optional() -> None:
    asked = options.parser("demo").parse_args([])
    assert (asked.people, asked.minutes, asked.once) == (50, None, False)
    assert isinstance(asked.seed, int)


def test_all_that_can_be_asked() -> None:
    asked = options.parser("demo").parse_args(["--people", "500", "--minutes", "0.5", "--seed", "-7"])
    assert (asked.people, asked.minutes, asked.seed) == (500, 0.5, -7)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--people 0", "argument --people: must be from 3 to 2,000, not 0"),
        ("--people -5", "argument --people: must be from 3 to 2,000, not -5"),
        ("--people 2001", "argument --people: must be from 3 to 2,000, not 2001"),
        ("--people many", "argument --people: must be a whole number from 3 to 2,000, not 'many'"),
        ("--people 5.5", "argument --people: must be a whole number"),
        ("--minutes 0", "argument --minutes: must be more than 0 and at most 1,440, not 0"),
        ("--minutes -1", "argument --minutes: must be more than 0"),
        ("--minutes nan", "argument --minutes: must be more than 0"),
        ("--minutes inf", "argument --minutes: must be more than 0"),
        ("--minutes soon", "argument --minutes: must be a number of minutes, not 'soon'"),
        ("--seed x", "argument --seed: must be a whole number, not 'x'"),
        ("--seed", "argument --seed: expected one argument"),
        ("--once --minutes 1", "argument --minutes: not allowed with argument --once"),
        ("--peopel 5", "unrecognized arguments: --peopel"),
    ],
)
def test_wrong_arguments_are_named(arguments: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parser("demo").parse_args(arguments.split())
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_launcher_says_no_before_it_starts_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.commands.demo.start", lambda *_, **__: pytest.fail("started"))
    with pytest.raises(SystemExit):
        demo(Instance(Home(tmp_path)), ["--people", "0"])
