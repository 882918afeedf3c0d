"""A dispatcher's click does what it was meant to, whatever the page does while the button is held down."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from apps.sos.rules.due_step import take_due_step

from .screen import Console
from .served import until

pytestmark = pytest.mark.django_db(transaction=True)
HELD_MS = 500  # as long as a slow hand holds a button: the page may move meanwhile


def press(console: Console, target: Locator) -> None:
    """Puts the button of the mouse down near the target's left edge, as a hand does that hits it just so."""
    boxes: list[Any] = []
    until(lambda: boxes.append(target.bounding_box()) or boxes[-1], "it is drawn, and not being drawn again")
    box = boxes[-1]
    console.page.mouse.move(box["x"] + 6, box["y"] + box["height"] / 2)
    console.page.mouse.down()


def test_first_click_counts_though_it_switches_the_sound_on(console: Console) -> None:
    """At this width the header has two lines until the sound is on, then one: everything moves up."""
    page = console.page
    page.set_viewport_size({"width": 1140, "height": 720})
    page.reload()
    expect(page.locator("#link")).to_have_class("link live")
    expect(page.locator("#sound")).to_have_text("Звука нет: нажмите")
    press(console, page.locator("#filter-unanswered"))
    page.wait_for_timeout(HELD_MS)
    page.mouse.up()
    expect(page.locator("#sound")).to_have_text("Звук включён")
    expect(page.locator("#filter-unanswered")).to_have_attribute("aria-pressed", "true")


def test_card_that_changes_under_the_mouse_is_still_clicked(console: Console, sos: Any, helper: Any) -> None:
    helper(400)
    event = sos()
    press(console, console.cards.first.locator(".chip.state"))
    take_due_step(event.pk)
    expect(console.cards.first).to_contain_text("вызвано 1")
    console.page.mouse.up()
    expect(console.page.locator("#panel-name")).to_have_text("Dilnoza Karimova")
