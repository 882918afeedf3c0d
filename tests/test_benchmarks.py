"""A benchmark's figures are told as they are, and one that breaks is told and keeps the others from nothing."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import __main__ as bench
from benchmarks import options
from benchmarks.load import load, post
from benchmarks.measured import Measured
from simulator.standins.fcm import Running

GOOD = """
import subprocess
from benchmarks.measured import Measured

def measure(*, short):
    print("by the way")
    subprocess.run(["echo", "and by a process"])
    yield Measured("one" if short else "many", 5600.0, "/s", 4300.0, "pgbench", at_least=1.0)
    yield Measured("plain", 12.5, "ms")
"""
BAD = """
from benchmarks.measured import Measured

def measure(*, short):
    yield Measured("before", 1.0, "ms", 2.0, "the other", at_most=0.25)
    raise RuntimeError("heard {503: 7}")
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three benchmarks to run: good, bad, and one that cannot even be found."""
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.parametrize(
    ("bounds", "value", "aim", "met"),
    [
        ({"at_least": 1.0}, 100.0, "≥ 1 ×", True),
        ({"at_least": 1.0}, 99.0, "≥ 1 ×", False),
        ({"at_most": 0.5}, 50.0, "≤ 0.5 ×", True),
        ({"at_most": 0.5}, 51.0, "≤ 0.5 ×", False),
        ({}, 51.0, None, None),
    ],
)
def test_aim_is_a_bound_of_the_ratio(bounds: dict[str, float], value: float, aim: str | None, met: bool | None) -> None:
    measured = Measured("x", value, "ms", 100.0, "the other", **bounds)
    assert (measured.ratio, measured.aim, measured.met) == (value / 100, aim, met)


def test_without_a_yardstick_nothing_is_met_or_missed() -> None:
    measured = Measured("x", 1.0, "ms", at_least=1.0)
    assert (measured.ratio, measured.met) == (None, None)


def test_json_has_what_was_promised() -> None:
    assert Measured("x", 3.0, "ms", 2.0, "the other", at_most=2.0).as_json() == {
        "name": "x", "value": 3.0, "unit": "ms", "yardstick": 2.0, "ratio": 1.5, "aim": "≤ 2 ×", "met": True,
    }  # fmt: skip


@pytest.mark.usefixtures("modules")
def test_broken_benchmark_is_told_and_the_others_run(capsys: pytest.CaptureFixture[str]) -> None:
    found = bench.run_all(["bad", "absent", "good"], short=True)
    assert [one.name for one in found.all] == ["before", "one", "plain"]
    assert found.all[1] == Measured("one", 5600.0, "/s", 4300.0, "pgbench", at_least=1.0)
    assert found.broken == {
        "bad": "RuntimeError: heard {503: 7}",
        "absent": "ModuleNotFoundError: No module named 'absent'",
    }
    assert "raise RuntimeError" in capsys.readouterr().err


@pytest.mark.usefixtures("modules")
def test_table_shows_ratios_what_was_met_and_what_broke() -> None:
    found = bench.run_all(["bad", "good"], short=False)
    shown = io.StringIO()
    Console(file=shown, width=120).print(bench.table(found), bench.conclusion(found))
    rows = {
        cells[0].strip(): cells[1:]
        for line in shown.getvalue().splitlines()
        if len(cells := line.split("│")[1:-1]) == 6
    }
    assert [cell.strip() for cell in rows["many"]] == ["5,600 /s", "4,300  pgbench", "1.3 ×", "≥ 1 ×", "✓"]
    assert [cell.strip() for cell in rows["before"]] == ["1 ms", "2  the other", "0.5 ×", "≤ 0.25 ×", "✗"]
    assert [cell.strip() for cell in rows["plain"]] == ["12.5 ms", "", "", "", ""]
    assert "heard {503: 7}" in rows["bad broke"][1]
    assert "1 of 2 aims met; not: before. Broken: bad" in shown.getvalue()


@pytest.mark.parametrize(("broken", "status"), [({}, 0), ({"locations": "RuntimeError: why"}, 1)])
def test_missed_aim_is_no_failure_but_a_broken_benchmark_is(
    broken: dict[str, str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = Measured("x", 1.0, "/s", 2.0, "the other", at_least=1.0)
    found = bench.Results({"locations": [missed]}, broken)
    monkeypatch.setattr(bench, "run_all", lambda modules, *, short: found)
    assert bench.main(["--short", "--only", "locations", "--json", str(tmp_path / "found.json")]) == status
    assert json.loads((tmp_path / "found.json").read_text()) == [missed.as_json()]


def test_short_form_leaves_out_what_takes_long() -> None:
    assert options.parse("bench", ["--short"]).names == options.SHORT
    assert options.parse("bench", []).names == (*options.SHORT, *options.LONG)
    assert options.parse("bench", ["--only", "memory", "locations"]).names == ("locations", "memory")


@pytest.mark.parametrize("wrong", [["--only", "speed"], ["--only"], ["--short", "--only", "growth"], ["--fast"]])
def test_wrong_options_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        options.parse("./mdd bench", wrong)
    assert refused.value.code == 2
    assert "usage: ./mdd bench" in capsys.readouterr().err


def test_every_benchmark_offered_is_there() -> None:
    folder = Path(bench.__file__).parent / "measures"
    assert all((folder / f"{name}.py").exists() for name in (*options.SHORT, *options.LONG))


def test_load_counts_every_answer(fcm: Running) -> None:
    """The stand-in for Firebase refuses a token that it did not give, and that is an answer too."""
    path = f"/v1/projects/{fcm.service_account['project_id']}/messages:send"
    answers = load(fcm.url, [post(path, "nobody", {"message": {}})], 4, count=50)
    assert answers.statuses == Counter({401: 50})
    assert answers.odd.startswith("HTTP/1.1 401")
    assert len(answers.took_s) == 50
    assert 0 < answers.share_ms(0.5) <= answers.share_ms(0.99)
