"""What is going on is told on stderr, also where a line cannot be rewritten."""

import threading

import pytest

from launcher import progress


def test_long_step_says_that_it_goes_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REPEAT_S", 0.01)
    said = threading.Event()
    say = progress.say
    monkeypatch.setattr(progress, "say", lambda text, end="\n": (say(text, end), "…" in text and said.set()))
    with progress.step("installing"):
        assert said.wait(10)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("• installing\n  … installing: 0 s\n")


def test_failed_step_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(progress.Failure), progress.step("installing"):
        raise progress.Failure("no network")
    assert "failed: installing" in capsys.readouterr().err


def test_terminal_that_has_gone_does_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        encoding = "utf-8"

        def write(self, _: str) -> None:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(progress.sys, "stderr", Gone())
    progress.say("stopping")
