// Keys that act anywhere, where the focus goes when a photo comes, what is read aloud, and copying the picture.

const inSight = (selector) => [...document.querySelectorAll(selector)].find((one) => one.checkVisibility() && !one.disabled);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// Keys

const writing = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable], dialog";
const withEnter = "button, summary, a, label, input, [role=option], .hints";

addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing || event.defaultPrevented) return;
    if (within(event, writing)) return;
    if (event.key === "?") document.querySelector("#keys")?.showModal();
    else if (event.key.toLowerCase() === "s") inSight("button.save")?.click();
    else if (event.key === "Enter" && !within(event, withEnter)) inSight("button.run")?.click();
    else return;
    event.preventDefault();
});
addEventListener("click", (event) => {
    if (within(event, "[data-keys]")) document.querySelector("#keys").showModal();
    if (within(event, "[data-close-keys]")) document.querySelector("#keys").close();
});

// The focus

let card = null;
function focusPicture() {
    const present = document.querySelector(".photo-card");
    if (present === card) return;
    card = present;
    if (card) requestAnimationFrame(() => requestAnimationFrame(() => { // what is no longer drawn has lost its focus
        const { activeElement } = document;
        if (activeElement === document.body || !activeElement.checkVisibility()) inSight(".stage")?.focus({ preventScroll: true });
    }));
}

// What is read aloud: how a job ends, each quarter of it, and what was saved

let quarter = 0;
function followStatus() {
    document.querySelectorAll(".status-line").forEach((line) => {
        if (!line.role) line.role = "status"; // Gradio keeps this element while its content comes and goes
        const busy = String(line.querySelector("progress") !== null);
        if (line.ariaBusy !== busy) line.ariaBusy = busy;
    });
    const share = inSight(".status-line progress[value]")?.value ?? 0;
    if (Math.floor(share * 4) > quarter) tell(`${Math.floor(share * 4) * 25} %`);
    quarter = Math.floor(share * 4);
    const title = share ? `(${Math.floor(share * 100)} %) ${TEXTS.name}` : TEXTS.name; // for a window in the background
    if (document.title !== title) document.title = title;
}
addEventListener("saved", (event) => tell(fill(TEXTS.saved, { name: event.detail })));

new MutationObserver(() => {
    document.querySelectorAll(".stage:not([role])").forEach((stage) => {
        stage.setAttribute("role", "group");
        stage.ariaLabel = TEXTS.picture;
        stage.tabIndex = -1;
    });
    document.querySelectorAll(".strip .thumbnail-item").forEach((small) => {
        const caption = small.querySelector(".caption-label")?.textContent;
        if (caption && small.ariaLabel !== caption) small.ariaLabel = caption;
    });
    focusPicture();
    followStatus();
}).observe(document, { subtree: true, childList: true });

// Copying

async function copyPicture(button) {
    const said = button.parentElement.querySelector(".copied");
    try {
        const picture = inSight(".stage:not(.plain)").querySelectorAll("img")[1];
        const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
        canvas.getContext("2d").drawImage(picture, 0, 0);
        await navigator.clipboard.write([new ClipboardItem({ "image/png": canvas.convertToBlob({ type: "image/png" }) })]);
        said.textContent = fill(TEXTS.copied, { size: `${canvas.width} × ${canvas.height}` });
    } catch {
        said.textContent = TEXTS.notCopied;
    }
}
addEventListener("click", (event) => {
    const button = within(event, "[data-copy]");
    if (button) copyPicture(button);
});
