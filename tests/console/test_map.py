"""The map in a real browser: what is drawn where, what a click chooses, and that nothing is asked of anybody else."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.console.conftest import FLAGS, WITHOUT_MAP
from tests.console.map_page import running_map_page

RED, AMBER, GREEN, BLUE = (255, 90, 82), (246, 176, 61), (63, 198, 138), (90, 169, 255)
EVENTS = [
    ("fall", 41.3111, 69.2406, "red", "Дильноза К. · 01:42", False),
    ("ride", 41.3300, 69.2850, "amber", "Рустам А.", False),
    ("calm", 41.2850, 69.2050, "green", "Мария Л.", False),
    ("wait", 41.3005, 69.2900, "blue", "Часы W-2210", False),
    ("drill", 41.3350, 69.2100, "red", "Учение", True),
]
HELPERS = [
    ("h1", 41.3215, 69.2560, "amber", "Азиз Р.", True, 1730.0),
    ("h2", 41.3040, 69.2250, "grey", "Олим Т.", False, 1500.0),
    ("h3", 41.3190, 69.2270, "red", "Камила Ш.", False, 1400.0),
    ("h4", 41.3030, 69.2520, "grey", "Тимур Б.", False, None),
]


@pytest.fixture(scope="module")
def has_map() -> bool:
    return True


def scene(**changes: Any) -> dict[str, Any]:
    keys = ("uid", "lat", "lon", "tone", "label", "isDrill")
    helper_keys = ("uuid", "lat", "lon", "tone", "label", "isComing", "distanceM")
    return {
        "events": [dict(zip(keys, event, strict=True)) | {"accuracyM": 120} for event in EVENTS],
        "chosen": {
            "uid": "fall",
            "rings": [1500, 3000],
            "track": [{"lat": 41.3111 - 0.0012 * i, "lon": 69.2406 + 0.0011 * i} for i in (4, 3, 2, 1, 0)],
            "wearer": {"lat": 41.3120, "lon": 69.2442},
            "helpers": [dict(zip(helper_keys, helper, strict=True)) for helper in HELPERS],
        },
        "areas": [{"lat": 41.262, "lon": 69.33, "sizeM": 2400, "count": 17}],
    } | changes


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_map_page() as url:
        yield url


class Watched:
    """A page whose requests and complaints are written down."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)

    def open(self, query: str = "") -> "Watched":
        self.page.goto(f"{self.address}?{query}")
        self.page.wait_for_function("() => window.view !== undefined")
        return self

    def draw(self, what: dict[str, Any], *, at: tuple[float, float, float] | None = None) -> None:
        """Draws a scene and waits until the map stands still; `at`: latitude, longitude, zoom."""
        self.page.evaluate("(scene) => view.draw(scene)", what)
        self.settle()
        if at:
            self.page.evaluate("([lat, lon, zoom]) => void view.map.jumpTo({ center: [lon, lat], zoom })", list(at))
            self.settle()

    def settle(self) -> None:
        frame = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        self.page.evaluate(frame)
        self.page.wait_for_function(
            "() => view.map.loaded() && view.map.areTilesLoaded() && !view.map.isMoving()", polling=20
        )

    def colour(self, lat: float, lon: float, dx: int = 0, dy: int = 0) -> tuple[int, int, int]:
        ((red, green, blue),) = self.colours(lat, lon, [(dx, dy)])
        return red, green, blue

    def colours(self, lat: float, lon: float, offsets: list[tuple[int, int]]) -> list[list[int]]:
        """Beside a place, by so many pixels."""
        found: list[list[int]] = self.page.evaluate("(asked) => coloursAt(...asked)", [lon, lat, offsets])
        return found

    def rendered(self, layer: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("(layer) => rendered(layer)", layer)
        return found

    def others(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((self.address, "data:", "blob:"))]


@pytest.fixture(scope="module")
def shown(chromium: Browser, address: str) -> Iterator[Watched]:
    """The map as anybody finds it, open once for all who draw what they need: to open it takes seconds of a core."""
    page = chromium.new_page(viewport={"width": 1280, "height": 720}, locale="ru-RU", timezone_id="Asia/Tashkent")
    yield Watched(page, address).open()
    page.close()


@pytest.fixture
def watched(page: Page, address: str) -> Watched:
    return Watched(page, address)


def near(colour: tuple[int, int, int], wanted: tuple[int, int, int], off: int = 12) -> bool:
    return math.dist(colour, wanted) <= off


def test_marks_are_drawn_in_their_colours_at_their_places(shown: Watched) -> None:
    shown.draw(scene(), at=(41.3111, 69.2406, 12))
    for (_, lat, lon, _, _, _), colour in zip(EVENTS, (RED, AMBER, GREEN, BLUE), strict=False):
        assert near(shown.colour(lat, lon, dx=-10), colour), (lat, lon)
    assert near(shown.colour(41.3215, 69.2560, dx=-6, dy=4), AMBER)
    assert {one["uid"] for one in shown.rendered("events")} == {"ride", "calm", "wait", "drill"}
    assert [one["uid"] for one in shown.rendered("event-chosen")] == ["fall"]
    assert {one["uuid"] for one in shown.rendered("helpers")} == {"h1", "h2", "h3", "h4"}
    assert {one["label"] for one in shown.rendered("distances")} == {"1,7 км"}
    assert {one["radiusM"] for one in shown.rendered("rings")} == {1500, 3000}
    assert {one["count"] for one in shown.rendered("areas")} == {17}
    assert shown.rendered("grid")
    assert shown.page.inner_text(".map-square") == "Клетка: 1 км"


def test_tones_differ_in_more_than_colour(shown: Watched) -> None:
    """Seen without colour: the sign in the middle of a disc is another for each."""
    shown.draw(scene(chosen=None), at=(41.3111, 69.2406, 12))
    seen = set()
    for _, lat, lon, _, _, _ in EVENTS:
        spots = shown.colours(lat, lon, [(dx, dy) for dx in (-5, 0, 5) for dy in (-5, 0, 5)])
        seen.add(tuple(sum(spot) < 120 for spot in spots))
    assert len(seen) == len(EVENTS)


def test_no_policy_is_violated_nothing_complains_and_nobody_else_is_asked(watched: Watched) -> None:
    watched.open().draw(scene(), at=(41.3111, 69.2406, 11))
    watched.page.evaluate("() => view.setScheme('light')")
    watched.settle()
    assert watched.page.evaluate("() => told.violations") == []
    assert watched.complaints == []
    assert watched.others() == []


def test_click_on_an_event_chooses_it(shown: Watched) -> None:
    shown.draw(scene(), at=(41.3111, 69.2406, 12))
    x, y = shown.page.evaluate("() => { const at = view.map.project([69.2850, 41.33]); return [at.x, at.y]; }")
    shown.page.mouse.click(x, y)
    shown.page.mouse.click(60, 60)
    assert shown.page.evaluate("() => told.chosen") == ["ride"]


def test_listeners_hear_where_the_map_is(shown: Watched) -> None:
    shown.draw(scene(), at=(41.3111, 69.2406, 12))
    (west, south, east, north), zoom = shown.page.evaluate("() => told.moved.at(-1)")
    assert (zoom, west < 69.2406 < east, south < 41.3111 < north) == (12, True, True)


def test_first_events_are_brought_into_view_once(watched: Watched) -> None:
    watched.open().draw(scene())
    first = watched.page.evaluate("() => view.middle()")
    assert (round(first["lat"], 1), round(first["lon"], 1)) == (41.3, 69.2)
    watched.page.evaluate("() => view.flyTo(39.65, 66.97)")
    watched.draw(scene(chosen=None))
    assert round(watched.page.evaluate("() => view.middle()")["lat"]) == 40


def test_chosen_event_is_fitted_with_who_comes_to_it(shown: Watched) -> None:
    shown.draw(scene(), at=(41.3, 69.24, 5))
    shown.page.evaluate("() => view.fitChosen()")
    shown.settle()
    zoom, inside = shown.page.evaluate("() => [view.map.getZoom(), view.map.getBounds().contains([69.2560, 41.3215])]")
    assert (13 < zoom < 16, inside) == (True, True)


def test_same_scene_again_gives_the_map_nothing_to_do(shown: Watched) -> None:
    shown.draw(scene(), at=(41.3111, 69.2406, 12))
    count = """async (scene) => {
      let given = 0;
      for (const name of ["areas", "reach", "lines", "marks"]) {
        const source = view.map.getSource(name), setData = source.setData.bind(source);
        source.setData = (data) => { given += 1; return setData(data); };
      }
      const frame = () => new Promise((done) => requestAnimationFrame(done));
      for (let i = 0; i < 20; i += 1) view.draw(scene);
      await frame(); await frame();
      const same = given;
      scene.events[0].tone = "amber";
      for (let i = 0; i < 20; i += 1) view.draw(scene);
      for (let i = 0; i < 300 && given < 2; i += 1) await frame();
      await frame(); await frame();
      return [same, given];
    }"""
    assert shown.page.evaluate(count, scene()) == [0, 2]  # marks, and its accuracy


def test_reduced_motion_jumps(watched: Watched) -> None:
    watched.page.emulate_media(reduced_motion="reduce")
    watched.open().draw(scene())
    middle = watched.page.evaluate("() => { view.flyTo(39.65, 66.97); return view.middle(); }")
    assert (round(middle["lat"], 2), round(middle["lon"], 2)) == (39.65, 66.97)


def test_controls_are_named_in_the_readers_language_and_reached_by_keyboard(shown: Watched) -> None:
    shown.draw(scene(), at=(41.3111, 69.2406, 11))
    assert shown.page.get_by_role("button", name="Приблизить").is_visible()
    canvas = shown.page.get_by_role("region", name="Карта")
    canvas.focus()
    shown.page.keyboard.press("+")
    shown.page.wait_for_function("() => view.map.getZoom() > 11.9")


def test_configured_style_is_the_ground_and_names_its_source(watched: Watched) -> None:
    watched.open(f"style={watched.address}style/fine").draw(scene(), at=(41.3111, 69.2406, 12))
    assert near(watched.colour(41.2800, 69.3000), (32, 48, 64))
    assert near(watched.colour(41.3111, 69.2406, dx=-10), RED)
    assert watched.page.inner_text(".maplibregl-ctrl-attrib").endswith("Tiles © us")


@pytest.mark.parametrize(
    ("kind", "path"),
    [("tiles", "refused/{z}/{x}/{y}.png"), ("style", "refused/style.json"), ("style", "style/refused")],
    ids=["tiles", "style", "tiles of the style"],
)
def test_outage_of_the_configured_map_leaves_the_outline(watched: Watched, kind: str, path: str) -> None:
    watched.open(f"{kind}={watched.address}{path}").draw(scene(), at=(41.3111, 69.2406, 12))
    watched.page.wait_for_function("() => view.map.getLayer('land') && view.map.loaded()")
    assert watched.rendered("land")
    assert near(watched.colour(41.3111, 69.2406, dx=-10), RED)


def test_light_scheme_draws_darker_marks_on_light_ground(watched: Watched) -> None:
    watched.open("scheme=light").draw(scene(chosen=None), at=(41.3111, 69.2406, 12))
    assert sum(watched.colour(41.34, 69.26)) > 690
    assert near(watched.colour(41.3111, 69.2406, dx=-10), (207, 34, 25))


def test_without_webgl_the_page_says_so_and_goes_on(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(address)
    assert page.get_by_role("status").inner_text().startswith("The map cannot be shown")
    page.evaluate(
        "(scene) => { view.draw(scene); view.flyTo(1, 2); view.fitChosen(); view.setScheme('light'); }", scene()
    )
    assert page.evaluate("() => view.isUsable") is False
    page.close()


def test_browser_without_a_gpu_or_its_substitute_says_so_too(
    chromium: Browser, chromium_program: str, address: str
) -> None:
    program = chromium.browser_type.launch(executable_path=chromium_program, args=[*FLAGS, *WITHOUT_MAP])
    page = program.new_page()
    page.goto(address)
    assert page.get_by_role("status").is_visible()
    program.close()
