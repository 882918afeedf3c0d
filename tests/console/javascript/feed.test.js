import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Feed } from "../../../apps/monitoring/static/console/link/feed.js";

/** A server that says nothing by itself. */
class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  isClosed = false;
  /** @type {string[]} */
  sent = [];
  onopen = null;
  onmessage = null;
  onclose = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }

  close() {
    this.isClosed = true;
  }

  open() {
    this.readyState = 1;
    call(this.onopen);
  }

  /** @param {object} message */
  say(message) {
    call(this.onmessage, { data: JSON.stringify(message) });
  }

  /** @param {number} code */
  end(code) {
    this.readyState = 3;
    call(this.onclose, { code });
  }
}

/** @param {unknown} listener @param {object} [event] */
function call(listener, event) {
  if (typeof listener === "function") listener(event);
}

/** @type {{seq: number, messages: number[], states: string[], pongs: [string, number][]}} */
let heard;
/** @type {Feed} */
let feed;
/** @type {number} what performance.now() says; it goes with the mocked timers */
let ms;

beforeEach((context) => {
  const t = /** @type {import("node:test").TestContext} */ (context);
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.mock.method(performance, "now", () => ms);
  t.mock.method(Math, "random", () => 0.5);
  ms = 0;
  FakeSocket.all = [];
  heard = { seq: 41, messages: [], states: [], pongs: [] };
  feed = new Feed("wss://here/ws/sos_events/", {
    after: () => heard.seq,
    message: ({ seq }) => {
      heard.seq = seq;
      heard.messages.push(seq);
    },
    state: (state) => heard.states.push(state),
    pong: (iso, tookMs) => heard.pongs.push([iso, tookMs]),
  }, /** @type {any} */ (FakeSocket));
});

/** @param {import("node:test").TestContext} t @param {number} duration */
function pass(t, duration) {
  for (let step = 0; step < duration; step += 50) {
    ms += 50;
    t.mock.timers.tick(50);
  }
}

/** The socket opened last. */
function socket() {
  const last = FakeSocket.all.at(-1);
  assert.ok(last);
  return last;
}

function openFeed() {
  feed.start();
  socket().open();
  socket().say({ type: "pong", seq: 41, at: "2025-10-28T12:00:00Z" });
}

test("it goes on after the last position, each time it comes back", (t) => {
  openFeed();
  assert.equal(socket().url, "wss://here/ws/sos_events/?after=41");
  socket().say({ type: "sos_update", seq: 42, payload: {} });
  socket().end(1006);
  pass(t, 250);
  assert.equal(socket().url, "wss://here/ws/sos_events/?after=42");
  assert.deepEqual(heard.messages, [42]);
});

test("it tries again soon, then less and less often, until it is through", (t) => {
  feed.start();
  const waits = [];
  for (let tries = 0; tries < 7; tries += 1) {
    const before = FakeSocket.all.length;
    socket().end(1006);
    const endedAt = ms;
    while (FakeSocket.all.length === before) pass(t, 50);
    waits.push(ms - endedAt);
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 4000, 4000]);
  socket().open();
  socket().say({ type: "pong", seq: 41, at: "2025-10-28T12:00:00Z" });
  socket().end(1006);
  const before = FakeSocket.all.length;
  pass(t, 250);
  assert.equal(FakeSocket.all.length, before + 1);
});

test("a link that has fallen silent is said to be lost within ten seconds, and another is opened", (t) => {
  openFeed();
  const silent = socket();
  pass(t, 10_000);
  assert.deepEqual(heard.states, ["live", "lost"]);
  pass(t, 500);
  assert.ok(silent.isClosed);
  assert.notEqual(socket(), silent);
  silent.say({ type: "sos_update", seq: 99, payload: {} });
  assert.deepEqual(heard.messages, [], "what a dropped socket still says is not heard");
  socket().open();
  socket().say({ type: "pong", seq: 41, at: "2025-10-28T12:00:10Z" });
  assert.deepEqual(heard.states, ["live", "lost", "live"]);
});

test("a server that cannot be reached from the start is lost within ten seconds too", (t) => {
  feed.start();
  for (let second = 0; second < 10; second += 1) {
    if (!socket().isClosed) socket().end(1006);
    pass(t, 1000);
  }
  assert.deepEqual(heard.states, ["lost"]);
});

test("a connection that neither opens nor fails is given up", (t) => {
  feed.start();
  const hung = socket();
  pass(t, 10_000);
  assert.ok(hung.isClosed);
  assert.ok(FakeSocket.all.length > 1);
  assert.deepEqual(heard.states, ["lost"]);
});

test("a link on which something is heard stays", (t) => {
  openFeed();
  for (let second = 0; second < 30; second += 1) {
    socket().say({ type: "sos_update", seq: 100 + second, payload: {} });
    pass(t, 1000);
  }
  assert.deepEqual([FakeSocket.all.length, heard.states], [1, ["live"]]);
});

for (const [code, state] of /** @type {const} */ ([[4401, "signed_out"], [4403, "no_dispatcher"]]))
  test(`${code} ends it: nobody signed out, or demoted, hears more`, (t) => {
    openFeed();
    socket().end(code);
    pass(t, 60_000);
    feed.hurry();
    assert.deepEqual([heard.states, FakeSocket.all.length], [["live", state], 1]);
  });

test("the answer to a ping tells the server's clock, and how long the way was", (t) => {
  feed.start();
  socket().open();
  assert.deepEqual(socket().sent, ["ping"]);
  pass(t, 150);
  socket().say({ type: "pong", seq: 41, at: "2025-10-28T12:00:00Z" });
  assert.deepEqual(heard.pongs, [["2025-10-28T12:00:00Z", 150]]);
  pass(t, 2000);
  assert.deepEqual(socket().sent, ["ping", "ping"]);
});

test("a ping whose answer is under way is not sent again, so that no answer is taken for another's", (t) => {
  feed.start();
  socket().open();
  for (let second = 0; second < 5; second += 1) {
    pass(t, 1000);
    socket().say({ type: "sos_update", seq: 50 + second, payload: {} });
  }
  assert.deepEqual(socket().sent, ["ping"]);
  socket().say({ type: "pong", seq: 60, at: "2025-10-28T12:00:00Z" });
  assert.deepEqual(heard.pongs, [["2025-10-28T12:00:00Z", 5000]]);
  pass(t, 2000);
  assert.deepEqual(socket().sent, ["ping", "ping"]);
});

test("back on a network, it does not wait", (t) => {
  feed.start();
  for (const wait of [250, 500, 1000]) {
    socket().end(1006);
    pass(t, wait);
  }
  socket().end(1006);
  const before = FakeSocket.all.length;
  feed.hurry();
  assert.equal(FakeSocket.all.length, before + 1);
  feed.hurry();
  assert.equal(FakeSocket.all.length, before + 1, "one is enough");
});

test("after it was stopped nothing is sent, opened or heard", (t) => {
  openFeed();
  const last = socket();
  feed.stop();
  last.say({ type: "sos_update", seq: 42, payload: {} });
  last.end(1006);
  pass(t, 60_000);
  assert.deepEqual([FakeSocket.all.length, last.isClosed, last.sent.length], [1, true, 1]);
  assert.deepEqual([heard.messages, heard.states], [[], ["live"]]);
});
