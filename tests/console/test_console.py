"""The console as a dispatcher has it: in a real browser, against the whole application."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Route, expect

from apps.sos.kinds import Outcome
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.rules import desk
from apps.sos.rules.due_step import take_due_step
from apps.users.models import Role, User
from apps.users.rules.accounts import change_standing
from tests.conftest import HERE, PASSWORD

from .screen import SOON_MS, Console
from .served import Redis, Served, until

pytestmark = pytest.mark.django_db(transaction=True)


def test_dispatcher_signs_in_with_phone_and_password(page: Page, server: Served, dispatcher: User) -> None:
    page.goto(f"{server.url}/console/")
    page.fill("input[name=username]", str(dispatcher.phone_number))
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/console/")
    expect(page.locator("#link")).to_have_class("link live")


def test_acknowledging_in_one_browser_shows_in_the_other_and_silences_it(
    console: Console, another_context: BrowserContext, person: Any, sos: Any
) -> None:
    other = Console(another_context, console.server, person(role=Role.ADMIN, full_name="Nargiza Azimova"))
    sos()
    for one in (console, other):
        expect(one.cards).to_have_count(1)
        expect(one.page).to_have_title("(1) ждёт SOS")
    other.page.keyboard.press("j")
    until(lambda: other.page.evaluate("globalThis.consoleSound.played.sos") > 0, "it is heard")
    other.page.keyboard.press("a")
    for one in (console, other):
        expect(one.cards.first).to_contain_text("ведёт Nargiza Azimova")
        expect(one.page).to_have_title("MDD: пульт")
    played = other.page.evaluate("globalThis.consoleSound.played.sos")
    other.page.wait_for_timeout(2500)
    assert other.page.evaluate("globalThis.consoleSound.played.sos") == played
    assert SosEvent.objects.get().acknowledged_by.full_name == "Nargiza Azimova"


def test_the_page_says_that_its_sound_is_not_armed(console: Console) -> None:
    console.page.reload()
    expect(console.page.locator("#sound")).to_have_text("Звука нет: нажмите")
    console.page.click("#sound")
    expect(console.page.locator("#sound")).to_have_text("Звук включён")


def test_an_event_is_handled_from_the_page_alone(console: Console, sos: Any, helper: Any) -> None:
    event = sos(severity=3)
    helper(4000, full_name="Olim Tursunov")
    take_due_step(event.pk)
    page = console.page
    expect(console.cards).to_have_count(1)
    page.keyboard.press("j")
    expect(page.locator("#panel-name")).to_have_text("Dilnoza Karimova")
    page.keyboard.press("a")
    expect(page.locator("#panel-facts")).to_contain_text("Ведёт")
    page.keyboard.press("s")
    page.get_by_label("Olim Tursunov").check()
    page.get_by_role("button", name="Назначить", exact=True).last.click()
    page.get_by_role("button", name="Согласие по телефону").click()
    expect(page.locator("#panel-state")).to_have_text("Едут 1")
    page.keyboard.press("n")
    page.keyboard.type("Соседка с ней.")
    page.get_by_role("button", name="Записать").click()
    expect(page.locator("#panel-notes")).to_contain_text("Соседка с ней.")
    page.get_by_role("button", name="Передать").click()
    page.get_by_label("103, скорая помощь").check()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("#panel-facts")).to_contain_text("103, скорая помощь")
    page.locator("#panel-name").click()
    page.keyboard.press("r")
    page.get_by_role("radio", name="Помогли").check()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("#panel-state")).to_have_text("Помогли")
    event.refresh_from_db()
    assert (event.status, event.outcome, event.handed_over_to) == ("RESOLVED", "HELPED", "103")
    page.get_by_role("button", name="Открыть снова").click()
    expect(page.locator("#panel-actions")).to_contain_text("Вызвать ещё")
    assert console.complaints == []


def test_what_the_server_refuses_is_said_and_nothing_is_lost(console: Console, dispatcher: User, sos: Any) -> None:
    event = sos()
    console.cut_off("**/acknowledge/")
    expect(console.cards).to_have_count(1)
    console.choose()
    console.page.keyboard.press("a")
    expect(console.page.locator("#error")).to_have_text("Сервер не отвечает. Ничего не сделано.")
    console.page.unroute("**/acknowledge/")
    console.page.keyboard.press("a")
    expect(console.page.locator("#error")).to_be_hidden()
    desk.resolve(event, dispatcher, Outcome.HELPED)
    expect(console.page.locator("#panel-state")).to_have_text("Помогли")


def test_losing_the_server_is_said_within_ten_seconds_and_nothing_is_missed(
    console: Console, sos: Any, dispatcher: User
) -> None:
    first = sos(name="Anna Petrova")
    expect(console.cards).to_have_count(1)
    console.server.stop()
    expect(console.page.locator("#lost")).to_be_visible(timeout=10_000)
    for number in range(100):
        desk.add_note(first, dispatcher, f"Note {number}")
    sos(name="Bobur Saidov")
    last = JournalEntry.objects.order_by("-position")[0].position
    console.server.start()
    expect(console.page.locator("#lost")).to_be_hidden(timeout=SOON_MS)
    expect(console.cards).to_have_count(2)
    until(lambda: console.page.evaluate("globalThis.consoleStore.seq") == last, "everything missed has come")


def test_a_dead_redis_costs_only_seconds(console: Console, redis: Redis, sos: Any) -> None:
    redis.kill()
    sos(name="Anna Petrova")
    expect(console.cards).to_have_count(1)
    redis.start()
    sos(name="Bobur Saidov")
    expect(console.cards).to_have_count(2)
    expect(console.page.locator("#link")).to_have_class("link live")


@pytest.mark.usefixtures("often_seen_to")
def test_who_is_no_dispatcher_any_more_is_told_so_and_sees_nothing_new(
    console: Console, dispatcher: User, sos: Any
) -> None:
    change_standing(dispatcher, role=Role.USER, status="ACTIVE")
    expect(console.page.locator("#ended")).to_be_visible(timeout=20_000)
    sos()
    console.page.wait_for_timeout(1500)
    expect(console.cards).to_have_count(0)


@pytest.mark.usefixtures("often_seen_to")
def test_signing_out_in_another_tab_ends_this_one(console: Console, context: BrowserContext) -> None:
    tab = context.new_page()
    tab.goto(f"{console.server.url}/console/")
    tab.get_by_role("button", name="Выйти").click()
    tab.wait_for_url("**/sign-in/")
    expect(console.page.locator("#ended")).to_be_visible(timeout=20_000)


def test_wrong_clock_of_the_computer_does_not_show_wrong_ages(
    another_context: BrowserContext, server: Served, dispatcher: User, sos: Any
) -> None:
    another_context.add_init_script("const real = Date.now; Date.now = () => real() + 5 * 3600 * 1000;")
    console = Console(another_context, server, dispatcher)
    sos()
    expect(console.page.locator("#queue .age")).to_have_text(re.compile(r"^00:0\d$"))


@pytest.mark.parametrize(
    ("language", "words"),
    [("ru", ["Очередь", "Падение"]), ("uz", ["Navbat", "Yiqilish"]), ("en", ["Queue", "Fall"])],
)
def test_every_language_fits_and_is_whole(
    language: str, words: list[str], context: BrowserContext, server: Served, dispatcher: User, sos: Any
) -> None:
    User.objects.filter(pk=dispatcher.pk).update(language=language)
    console = Console(context, server, dispatcher)
    sos(name="Абдурахмонбердиева-Шарафутдинова Зулфия Абдурашидовна")
    expect(console.cards).to_have_count(1)
    console.choose()
    expect(console.cards.first).to_contain_text(words[1])
    page = console.page
    assert page.get_attribute("html", "lang") == language
    expect(page.get_by_role("complementary", name=words[0])).to_be_visible()
    used = page.evaluate(
        """() => [...document.querySelectorAll("button, .pad, .chip, p")]
             .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML)"""
    )
    assert used == [], "cut off"
    text = page.inner_text("body")
    assert not re.search(r"\b[a-z]+_[a-z_]+\b|\{\w+\}", text), "a word without its text"


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("view", ["history", "report"])
def test_axe_finds_nothing_serious_beside_the_map(view: str, scheme: Any, console: Console, sos: Any, axe: str) -> None:
    take_due_step(sos().pk)
    console.page.emulate_media(color_scheme=scheme)
    expect(console.cards).to_have_count(1)
    console.page.click(f"#tab-{view}")
    if view == "history":
        expect(console.page.locator("#search-rows tr")).to_have_count(1)
    assert console.serious(axe) == []


@pytest.mark.parametrize(("width", "height"), [(640, 360), (820, 1180), (1280, 720)])
def test_zoomed_and_on_a_tablet_nothing_is_out_of_reach(width: int, height: int, console: Console, sos: Any) -> None:
    sos()
    console.page.set_viewport_size({"width": width, "height": height})
    expect(console.cards).to_have_count(1)
    console.choose()
    assert console.page.evaluate("document.documentElement.scrollWidth") <= width
    console.page.get_by_role("button", name="Принять").click()
    expect(console.page.locator("#panel-facts")).to_contain_text("Ведёт")


def test_keyboard_does_everything(console: Console, sos: Any, dispatcher: User) -> None:
    for name in ("Anna Petrova", "Bobur Saidov", "Vera Kim"):
        desk.acknowledge(sos(name=name), dispatcher)
    page = console.page
    expect(console.cards).to_have_count(3)
    chosen = page.locator("#queue .card[aria-current=true]")
    page.keyboard.press("j")
    expect(chosen).to_contain_text("Anna P.")
    page.keyboard.press("j")
    expect(chosen).to_contain_text("Bobur S.")
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'л', bubbles: true}))")  # K in Russian
    expect(chosen).to_contain_text("Anna P.")
    page.keyboard.press("/")
    page.keyboard.type("vera")
    expect(console.cards).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("принять")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_filters_and_duty(console: Console, dispatcher: User, sos: Any) -> None:
    desk.acknowledge(sos(name="Anna Petrova"), dispatcher)
    sos(name="Bobur Saidov", detected_type="TEST")
    page = console.page
    expect(console.cards).to_have_count(2)
    expect(console.cards.nth(1)).to_contain_text("Проверка")
    page.click("#filter-unanswered")
    expect(console.cards).to_have_count(1)
    page.click("#filter-drills")
    expect(console.cards.first).to_contain_text("Bobur S.")
    page.click("#duty")
    expect(page.locator("#duty")).to_have_text("На смене")
    dispatcher.refresh_from_db()
    assert dispatcher.on_duty


def test_drill_goes_the_whole_way_from_the_page(console: Console, helper: Any) -> None:
    page = console.page
    near = helper(300)
    page.click("#drill")
    page.fill("dialog input[name=lat]", str(HERE[0]))
    page.fill("dialog input[name=lon]", str(HERE[1]))
    page.locator("dialog button[type=submit]").click()
    expect(console.cards.first).to_contain_text("Учение")
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    expect(page.locator("#panel-people")).to_contain_text(near.full_name)
    assert near.notifications.get(channel="FCM").data["drill"] == "1"


def test_history_finds_what_was_and_the_report_counts_it(
    console: Console, sos: Any, helper: Any, client_of: Any, dispatcher: User
) -> None:
    event = sos(name="Anna Petrova", severity=3)
    near = helper(300)
    take_due_step(event.pk)
    client_of(near).post(f"/api/v1/sos/{event.uid}/respond/", {"status": "ACCEPTED"}, format="json")
    desk.resolve(event, dispatcher, Outcome.HELPED)
    page = console.page
    page.click("#tab-history")
    page.fill("#search-form input[name=person]", "petrova")
    page.select_option("#search-form select", "HELPED")
    page.get_by_role("button", name="Найти").click()
    expect(page.locator("#search-rows tr")).to_have_count(1)
    page.fill("#search-form input[name=person]", "nobody")
    page.get_by_role("button", name="Найти").click()
    expect(page.locator("#search-empty")).to_be_visible()
    page.fill("#search-form input[name=person]", "")
    page.get_by_role("button", name="Найти").click()
    page.locator("#search-rows button").first.click()
    expect(page.locator("#panel-name")).to_have_text("Anna Petrova")
    page.click("#tab-report")
    expect(page.locator("#report-total")).to_contain_text("Событий: 1")
    with page.expect_download() as download:
        page.click("#report-csv")
    assert "first_accept" in Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_late_answer_of_a_search_fills_no_list_of_the_next(console: Console, sos: Any) -> None:
    sos(name="Anna Petrova")
    page, held = console.page, list[Route]()

    def hold(route: Route) -> None:
        if "petrova" in route.request.url:
            held.append(route)
        else:
            route.continue_()

    console.intercept(re.compile(r"/api/v1/sos/\?"), hold)
    page.click("#tab-history")
    expect(page.locator("#search-rows tr")).to_have_count(1)
    page.fill("#search-form input[name=person]", "petrova")
    page.get_by_role("button", name="Найти").click()
    until(lambda: page.evaluate("true") and held, "the first is asked for")
    page.fill("#search-form input[name=person]", "nobody")
    page.get_by_role("button", name="Найти").click()
    expect(page.locator("#search-empty")).to_be_visible()
    with page.expect_response(re.compile("petrova")):
        held[0].continue_()
    page.evaluate("new Promise((done) => setTimeout(done))")  # the page has taken the answer
    expect(page.locator("#search-rows tr")).to_have_count(0)
    expect(page.locator("#search-empty")).to_be_visible()


def test_page_works_without_webgl(another_context: BrowserContext, server: Served, dispatcher: User, sos: Any) -> None:
    another_context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    console = Console(another_context, server, dispatcher)
    sos()
    expect(console.cards).to_have_count(1)
    expect(console.page.locator("#map")).to_contain_text("Карту не показать")
    console.choose()
    expect(console.page.locator("#panel-name")).to_have_text("Dilnoza Karimova")


def test_page_of_another_site_gets_no_socket(console: Console, context: BrowserContext) -> None:
    """A browser sends the session's cookie wherever it goes; what it says of the page's origin decides."""
    stranger = context.new_page()
    port = console.server.port
    stranger.goto(f"http://localhost:{port}/health/live")
    code = stranger.evaluate(
        """url => new Promise(done => { const socket = new WebSocket(url); socket.onclose = event => done(event.code);
             setTimeout(() => done(0), 5000); })""",
        f"ws://127.0.0.1:{port}/ws/sos_events/",
    )
    assert code == 4401


@pytest.mark.parametrize("path", ["/console/sign-in/", "/admin/", "/admin/sos/sosevent/", "/swagger/", "/redoc/"])
def test_every_other_page_works_under_its_policy_too(
    path: str, context: BrowserContext, server: Served, dispatcher: User, sos: Any, settings: Any
) -> None:
    User.objects.filter(pk=dispatcher.pk).update(is_superuser=True)
    console = Console(context, server, dispatcher)
    event = sos()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for address in (path, *([f"{path}{event.pk}/change/"] if path.endswith("sosevent/") else [])):
        answer = page.goto(console.server.url + address)
        assert answer
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        page.wait_for_load_state("networkidle")
        page.wait_for_function("document.body.innerText.length > 20")  # Redoc draws once it has read everything
    assert [one for one in complaints if "cdn.redoc.ly" not in one] == []  # Redoc asks for its logo, in vain


def test_unconfirmed_event_counts_down_and_then_asks_for_somebody(console: Console, sos: Any) -> None:
    event = sos(countdown_s=30)
    expect(console.cards.first).to_contain_text("Не подтверждено, 2")
    expect(console.cards.first).to_have_class(re.compile("blue"))
    SosEvent.objects.filter(pk=event.pk).update(unconfirmed_until=timezone.now())
    desk.add_note(event, event.user, "It is over.")
    expect(console.cards.first).to_contain_text("Без ответа")
    expect(console.cards.first).to_have_class(re.compile("red"))


def test_refused_question_is_said_wherever_it_was_asked(console: Console) -> None:
    console.cut_off(re.compile(r"/api/v1/sos/(\?|$)"))
    console.page.click("#tab-history")
    expect(console.page.locator("#error")).to_have_text("Сервер не отвечает. Ничего не сделано.")


def test_whoever_wears_the_watch_is_named_and_its_owner_beside_them(console: Console, sos: Any) -> None:
    event = sos(name="Rustam Karimov")
    event.device.wearer_name = "Salima Karimova"
    event.device.save()
    console.page.reload()
    expect(console.cards.first).to_contain_text("Salima K.")
    console.choose()
    expect(console.page.locator("#panel-name")).to_have_text("Salima Karimova")
    expect(console.page.locator("#panel-facts")).to_contain_text("Rustam Karimov")
    expect(console.page.locator("#panel-facts")).to_contain_text(str(event.user.phone_number))
