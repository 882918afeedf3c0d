/** The keyboard: one key for each thing done often. */

/** @typedef {Record<string, () => void>} Bindings by the key as typed, in lower case */

/** Keys of a Russian keyboard layout stand where these Latin ones do. @type {Record<string, string>} */
const CYRILLIC = { о: "j", л: "k", ф: "a", к: "r", ц: "w", ы: "s", т: "n", ".": "/", ",": "?" };

/** @param {Bindings} bindings */
export function listen(bindings) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const key = event.key.toLowerCase();
    const act = bindings[key] ?? bindings[CYRILLIC[key] ?? ""];
    if (!act || /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog[open]"))) return;
    event.preventDefault();
    act();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
