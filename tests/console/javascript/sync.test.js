import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";

import { Store } from "../../../apps/monitoring/static/console/link/store.js";
import { Sync } from "../../../apps/monitoring/static/console/link/sync.js";

const UID = "11111111-1111-1111-1111-111111111111";

class DeafSocket {
  readyState = 1;
  send() {}
  close() {}
}

before(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  Object.assign(globalThis, { location: { protocol: "http:", host: "test" }, WebSocket: DeafSocket, addEventListener() {} });
});

after(() => mock.timers.reset());

/** A server that answers when it is told to. */
class SlowApi {
  /** @type {{asked: any, answer: (queue: any) => void}[]} */
  open = [];

  /** @param {string} _path @param {any} asked */
  get(_path, asked) {
    return new Promise((answer) => this.open.push({ asked, answer }));
  }
}

/** @param {boolean} resolved @param {number} seq */
function queue(resolved, seq) {
  const card = { event_uid: UID, resolved, closed_at: null };
  return { events: [card], on_duty: { helpers: 0, dispatchers: 0 }, seq, server_time: "2026-01-01T00:00:00Z" };
}

/** Whatever has been promised happens. */
async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

test("a card that was asked for while everything is asked anew is not overwritten by the older answer", async () => {
  const api = new SlowApi();
  const store = new Store();
  const sync = new Sync(/** @type {any} */ (api), store, /** @type {any} */ ({ learn() {}, now: () => 0 }), { changed() {}, link() {} });
  sync.start();
  api.open.shift()?.answer(queue(false, 1));
  await settle();
  mock.timers.tick(60_000);
  assert.equal(api.open.length, 1);
  sync.refresh(UID);
  assert.equal(api.open.length, 1, "one question at a time");
  api.open.shift()?.answer(queue(false, 1));
  await settle();
  mock.timers.tick(60_000 - 1);
  assert.deepEqual(api.open[0]?.asked, { event: [UID] });
  api.open.shift()?.answer(queue(true, 2));
  await settle();
  assert.equal(store.events.get(UID)?.resolved, true);
});
