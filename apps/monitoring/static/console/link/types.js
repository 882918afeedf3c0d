/**
 * The shapes that the server's API gives (docs: /swagger/, tag "console") and what the page makes of them.
 *
 * @typedef {{uuid: string, full_name: string, phone_number: string | null}} Person
 * @typedef {{device_uid: string, model: string, wearer_name: string, battery_level: number | null, is_online: boolean,
 *   last_seen_at: string | null, lat: number | null, lon: number | null, position_at: string | null}} Device
 * @typedef {{called: number, reached: number, accepted: number, en_route: number, on_scene: number,
 *   declined: number}} Counts
 * @typedef {{radius_m: number, helpers: number, wait_s: number}} Wave
 *
 * @typedef {object} Card  One event in the queue.
 * @property {string} event_uid
 * @property {"NEW" | "IN_PROGRESS" | "RESOLVED" | "CANCELLED"} status
 * @property {boolean} resolved
 * @property {string | null} outcome
 * @property {string} detected_type
 * @property {number} severity
 * @property {boolean} is_test
 * @property {boolean} is_drill
 * @property {string} timestamp
 * @property {string} received_at
 * @property {string | null} closed_at
 * @property {number} signal_count
 * @property {string | null} unconfirmed_until
 * @property {boolean} silent
 * @property {boolean} stale_credential sent with a sign-in that has ended
 * @property {string | null} halted
 * @property {string | null} handed_over_to
 * @property {string | null} acknowledged_at
 * @property {Person | null} acknowledged_by
 * @property {string | null} alarm_at  from then on it asks for a dispatcher, until one acknowledges it
 * @property {number} waves_called
 * @property {Wave[]} waves
 * @property {string | null} next_step_at
 * @property {number | null} lat
 * @property {number | null} lon
 * @property {number | null} accuracy_m
 * @property {string} location_source
 * @property {number | null} location_age_s
 * @property {string | null} position_at
 * @property {string} wearer_name  of whoever needs help
 * @property {Person | null} wearer  the account
 * @property {Device | null} device
 * @property {Counts} people
 * @property {number | null} nearest_m
 *
 * @typedef {{seq: number, server_time: string, on_duty: {helpers: number, dispatchers: number}, events: Card[]}} Queue
 *
 * @typedef {{event_uid: string | null, kind?: string, status?: string | null, at?: string, actor?: string | null,
 *   data?: Record<string, unknown>, timestamp?: string, resolved?: boolean, detected_type?: string, severity?: number,
 *   device_uid?: string | null, user_phone?: string | null, lat?: number | null, lon?: number | null,
 *   drill?: boolean}} Payload
 * @typedef {{type: "sos_event" | "sos_update", seq: number, payload: Payload}} Message
 *
 * @typedef {{uuid: string, full_name: string, phone_number: string | null, status: string, wave: number,
 *   distance_m: number | null, distance_now_m: number | null, seen_at: string | null, rings: number,
 *   created_at: string, answered_at: string | null, accepted_at: string | null,
 *   caution: string | null}} CalledHelper
 * @typedef {{uuid: string, to: string, person: string | null, kind: string, channel: string, state: string,
 *   reason: string, attempts: number, created_at: string, changes: {state: string, at: string}[]}} Reach
 * @typedef {{text: string, author: string, created_at: string}} Note
 * @typedef {{uuid: string, kind: string, channel: string, state: string, reason: string, created_at: string}} Told
 * @typedef {{name: string, phone_number: string, language: string, told: Told[]}} Contact
 * @typedef {{event_uid: string, helpers: CalledHelper[], reach: Reach[], contacts: Contact[] | null, notes: Note[],
 *   needs_reason: boolean, lat: number | null, lon: number | null, accuracy_m: number | null,
 *   device: (Device & {medical_note: string, address_note: string, wearer_phone: string | null}) | null}} Detail
 * @typedef {{position: number, at: string, kind: string, status: string | null,
 *   actor: {uuid: string, full_name: string, role: string} | null, data: Record<string, any>}} TimelineEntry
 * @typedef {{uuid: string, full_name: string, status: string, lat: number, lon: number, seen_at: string}} SeenHelper
 * @typedef {{server_time: string, track: {lat: number, lon: number}[], helpers: SeenHelper[]}} EventMap
 * @typedef {{lat: number, lon: number, size_m: number, reachable: number}} AreaCount
 * @typedef {{uuid: string, full_name: string, phone_number: string | null, distance_m: number,
 *   caution: string | null}} FreeHelper
 * @typedef {{uuid: string, full_name: string, phone_number: string | null, distance_m: number,
 *   reason: string}} PassedOver
 *
 * @typedef {"red" | "amber" | "green" | "blue" | "grey"} Tone
 *   Red: nobody yet; amber: somebody is coming; green: on scene; blue: unconfirmed; grey: closed, or a test.
 * @typedef {"open" | "mine" | "unanswered" | "drills"} Filter
 *
 * @typedef {object} Config  What the server wrote into the page.
 * @property {{uuid: string, full_name: string, on_duty: boolean, language: string}} me
 * @property {string} csrf
 * @property {Record<string, string>} words
 * @property {{styleUrl: string | null, tilesUrl: string | null, attribution: string, outlineUrl: string,
 *   workerUrl: string}} map
 */
export {};
