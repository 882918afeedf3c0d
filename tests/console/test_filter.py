"""What is looked for in the queue hides nothing that somebody must see, and says what it hides."""

from typing import Any

import pytest
from playwright.sync_api import expect

from apps.sos.rules import desk
from apps.users.models import User

from .screen import Console

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("Anna Petrova", "Bobur Saidov", "Vera Kim")


@pytest.fixture
def looked_after(console: Console, sos: Any, dispatcher: User) -> None:
    """Three open events that dispatchers know of."""
    for name in NAMES:
        desk.acknowledge(sos(name=name), dispatcher)
    expect(console.cards).to_have_count(3)
    expect(console.page).to_have_title("MDD: пульт")


def test_escape_ends_a_search(looked_after: None, console: Console) -> None:
    page = console.page
    page.keyboard.press("/")
    page.keyboard.type("nobody of this name")
    expect(console.cards).to_have_count(0)
    page.keyboard.press("Escape")
    expect(console.cards).to_have_count(3)
    expect(page.locator("#words")).to_have_value("")
    expect(page.locator("#words")).not_to_be_focused()


def test_whatever_hides_events_says_how_many_and_shows_them(looked_after: None, console: Console) -> None:
    page, hidden = console.page, console.page.locator("#queue-hidden")
    expect(hidden).to_be_hidden()
    page.fill("#words", "nobody of this name")
    expect(hidden).to_have_text("Скрыто: 3. Показать все")
    expect(page.locator("#queue-empty")).to_be_hidden()
    page.fill("#words", "")
    page.click("#filter-drills")
    expect(hidden).to_have_text("Скрыто: 3. Показать все")
    page.fill("#words", "vera")
    page.click("#filter-unanswered")
    expect(hidden).to_have_text("Скрыто: 2. Показать все")
    hidden.click()
    expect(console.cards).to_have_count(3)
    expect(hidden).to_be_hidden()
    expect(page.locator("#words")).to_have_value("")
    expect(page.locator("#filter-open")).to_have_attribute("aria-pressed", "true")


def test_new_event_is_shown_whatever_is_looked_for(
    looked_after: None, console: Console, sos: Any, dispatcher: User
) -> None:
    page = console.page
    page.click("#filter-mine")
    page.fill("#words", "nobody of this name")
    expect(console.cards).to_have_count(0)
    event = sos(name="Dilnoza Karimova")
    expect(console.cards).to_have_count(1)
    expect(console.cards.first).to_contain_text("Dilnoza K.")
    sos(name="Gulnora Azizova", countdown_s=60)
    expect(console.cards).to_have_count(2)
    desk.acknowledge(event, dispatcher)
    expect(console.cards).to_have_count(1)
    expect(console.cards.first).to_contain_text("Gulnora A.")
    expect(page.locator("#queue-hidden")).to_have_text("Скрыто: 4. Показать все")
