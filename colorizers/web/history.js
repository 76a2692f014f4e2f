// The visitor's own results, kept in this browser (IndexedDB): pictures of preview size, each with its record.

const MOST_RESULTS = 40;
const MOST_BYTES = 30e6;
const SETTLED = 800; // milliseconds after which a picture on the page is kept

const answered = (request) =>
    new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
const database = (() => {
    const opening = indexedDB.open("colorizers", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("results", { keyPath: "id" });
    return answered(opening).catch(() => null); // some browsers keep nothing, as in private windows
})();
const shelf = async (mode) => (await database)?.transaction("results", mode).objectStore("results");

async function keptResults() {
    const kept = await shelf("readonly").then((store) => (store ? answered(store.getAll()) : []));
    return kept.sort((one, other) => other.time - one.time);
}

// The record is in the XMP at the beginning of the file.
function recordIn(bytes) {
    const found = new TextDecoder().decode(bytes.slice(0, 80_000)).match(/colorizers:record=(["'])(.*?)\1/);
    return found && new DOMParser().parseFromString(found[2], "text/html").documentElement.textContent;
}

let newest = "";
async function keepResult() {
    const stage = [...document.querySelectorAll(".stage")].find((one) => one.checkVisibility());
    const [before, after] = stage?.querySelectorAll("img") ?? [];
    if (!after || before.src === after.src || after.src === newest) return;
    const source = (newest = after.src);
    const bytes = await fetch(source).then((file) => (file.ok ? file.arrayBuffer() : null), () => null);
    const record = bytes && recordIn(bytes);
    const store = record && (await shelf("readwrite"));
    if (!store || source !== newest) return;
    const { method, input_sha256 } = JSON.parse(record);
    const title = document.querySelector(`#results button[data-method="${CSS.escape(method)}"]`)?.title ?? method;
    const name = document.querySelector(".photo-card strong")?.textContent ?? "";
    await answered(store.put({ id: `${method} ${input_sha256}`, method, title, name, time: Date.now(), record, bytes }));
    await dropOldest();
    await showKept();
}

async function dropOldest() {
    const kept = await keptResults();
    const store = await shelf("readwrite");
    let bytes = 0;
    kept.forEach((one, place) => {
        bytes += one.bytes.byteLength;
        if (place >= MOST_RESULTS || bytes > MOST_BYTES) store.delete(one.id);
    });
}

let waiting = 0;
function pictureCame(event) {
    if (!within(event, ".stage")) return;
    clearTimeout(waiting);
    waiting = setTimeout(keepResult, SETTLED);
}
document.addEventListener("load", pictureCame, true); // at the window it does not arrive

const addresses = new Map();
function addressOf(one) {
    const key = `${one.id} ${one.time}`;
    if (!addresses.has(key)) addresses.set(key, URL.createObjectURL(new Blob([one.bytes], { type: "image/jpeg" })));
    return addresses.get(key);
}
const moment = (one) => new Date(one.time).toLocaleString(LANGUAGE, { dateStyle: "short", timeStyle: "short" });

function part(name, values, ...inner) {
    const made = Object.assign(document.createElement(name), values);
    made.append(...inner);
    return made;
}

function small(one) {
    const image = part("img", { alt: "", src: addressOf(one) });
    const button = part("button", { type: "button", title: one.name }, image, part("span", {}, one.title), part("small", {}, moment(one)));
    button.ariaLabel = `${one.title}, ${one.name}, ${moment(one)}`;
    button.addEventListener("click", () => showResult(one));
    return part("li", {}, button);
}

async function showKept() {
    const kept = await keptResults();
    document.querySelectorAll(".kept").forEach((section) => {
        section.hidden = !kept.length;
        section.querySelector("ul").replaceChildren(...kept.map(small));
    });
    document.querySelectorAll("[data-history]").forEach((button) => (button.hidden = !kept.length));
    if (!kept.length) document.querySelector("#history")?.close();
}

const shownResult = () => document.querySelector("#history figure");
function showResult(one) {
    const figure = shownResult();
    figure.hidden = false;
    figure.querySelector("img").src = addressOf(one);
    figure.querySelector("figcaption").textContent = `${one.title} · ${one.name} · ${moment(one)}`;
    const save = figure.querySelector("a");
    save.href = addressOf(one);
    save.download = `${one.name.replace(/\.[^.]*$/, "")}_${one.method}_preview.jpg`;
    figure.querySelector("[data-use]").onclick = () => {
        dispatchEvent(new CustomEvent("settings", { detail: one.record }));
        document.querySelector("#history").close();
    };
    figure.querySelector("[data-forget-one]").onclick = async () => {
        figure.hidden = true;
        await answered((await shelf("readwrite")).delete(one.id));
        await showKept();
    };
    if (!document.querySelector("#history").open) document.querySelector("#history").showModal();
}

addEventListener("click", async (event) => {
    if (within(event, "[data-history]")) {
        shownResult().hidden = true;
        document.querySelector("#history").showModal();
    }
    if (within(event, "[data-close]")) document.querySelector("#history").close();
    const forget = within(event, "[data-forget]");
    if (forget && confirm(forget.dataset.forget)) {
        await answered((await shelf("readwrite")).clear());
        await showKept();
    }
});

// The page is built after this script has begun.
const built = new MutationObserver(() => {
    if (!document.querySelector("#history") || !document.querySelector("#start .kept")) return;
    built.disconnect();
    showKept();
});
built.observe(document, { subtree: true, childList: true });
