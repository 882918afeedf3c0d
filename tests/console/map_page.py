"""A page with nothing but the map, on loopback, under the console's Content-Security-Policy."""

import contextlib
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

from launcher.places import PROJECT

STATIC = PROJECT / "apps" / "monitoring" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'"
)
HTML = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>map</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/console/vendor/maplibre-gl/maplibre-gl.css">
<link rel="stylesheet" href="/console/map/map.css">
<link rel="stylesheet" href="/page.css">
<div id="map" role="region" aria-label="map"></div>
<script src="/console/vendor/maplibre-gl/maplibre-gl-csp.js" defer></script>
<script type="module" src="/page.js"></script></html>"""
CSS = "html, body, #map { margin: 0; height: 100%; }"
SCRIPT = """
import { createMap } from "/console/map/map.js";
const asked = new URLSearchParams(location.search);
window.told = { chosen: [], moved: [], violations: [] };
const violated = ({ violatedDirective, blockedURI }) => told.violations.push(`${violatedDirective} ${blockedURI}`);
document.addEventListener("securitypolicyviolation", violated);
const config = {
  styleUrl: asked.get("style"), tilesUrl: asked.get("tiles"), attribution: "Tiles © us",
  outlineUrl: "/console/data/outline.json",
  workerUrl: "/console/vendor/maplibre-gl/maplibre-gl-csp-worker.js", scheme: asked.get("scheme") ?? "dark",
  words: {
    zoomIn: "Приблизить", zoomOut: "Отдалить", map: "Карта", metres: "м", kilometres: "км", square: "Клетка: {size}",
  },
};
window.view = createMap(document.getElementById("map"), config, {
  choose: (uid) => told.chosen.push(uid), moved: (box, zoom) => told.moved.push([box, zoom]),
});
window.coloursAt = (lon, lat, offsets) => new Promise((done) => {
  view.map.once("render", () => {
    const from = view.map.getCanvas(), at = view.map.project([lon, lat]), to = document.createElement("canvas");
    const scale = from.width / from.clientWidth;
    const pen = to.getContext("2d", { willReadFrequently: true });
    done(offsets.map(([dx, dy]) => {
      pen.drawImage(from, (at.x + dx) * scale, (at.y + dy) * scale, 1, 1, 0, 0, 1, 1);
      return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }));
  });
  view.map.triggerRepaint();
});
window.rendered = (layer) => view.map.queryRenderedFeatures({ layers: [layer] }).map((one) => one.properties);
"""


GROUND = "#203040"


def style(tiles: str) -> dict[str, Any]:
    """Somebody's style of the map: a ground, and tiles from the folder `tiles`."""
    return {
        "version": 8,
        "sources": {"theirs": {"type": "raster", "tiles": [f"{tiles}/{{z}}/{{x}}/{{y}}.png"], "tileSize": 256}},
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": GROUND}},
            {"id": "theirs", "type": "raster", "source": "theirs", "minzoom": 3 if "refused" in tiles else 20},
        ],
    }


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        written = {"/": (HTML.format(language="ru"), "text/html"), "/page.js": (SCRIPT, "text/javascript")}
        written["/page.css"] = (CSS, "text/css")
        if path in written:
            self._say(*written[path])
        elif path.startswith("/style/"):
            self._say(json.dumps(style(f"http://{self.headers['Host']}/{path.split('/')[2]}")), "application/json")
        elif path.startswith("/refused/"):
            self.send_error(503)
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _say(self, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def running_map_page() -> Iterator[str]:
    """Yields the page's address; its query chooses `scheme`, `style` and `tiles`."""
    handler = functools.partial(_Handler, directory=str(STATIC))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
