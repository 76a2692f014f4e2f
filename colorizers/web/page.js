// What Gradio leaves to the page: its language, a photo pasted or dropped anywhere, words for the before/after pictures,
// wheel and fingers that scroll the page, the tools and the small results below the picture. LANGUAGE and TEXTS come from theme.py.

// Gradio marks the page with the browser's language, whatever the page's own is.
const markLanguage = () => document.documentElement.lang === LANGUAGE || (document.documentElement.lang = LANGUAGE);
new MutationObserver(markLanguage).observe(document.documentElement, { attributeFilter: ["lang"] });
markLanguage();

function takePhoto(file) {
    const input = document.querySelector("#upload input[type=file]");
    if (!input || !file) return false;
    const carrier = new DataTransfer();
    carrier.items.add(file);
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
}

const within = (event, selector) => event.target instanceof Element && event.target.closest(selector);

addEventListener("paste", (event) => {
    if (takePhoto(event.clipboardData?.files[0])) event.preventDefault();
});

// What is read aloud, and for a while seen where nothing else says it.
let vanishing;
function tell(text, seen = false) {
    const told = document.querySelector("#told");
    told.textContent = text;
    told.classList.toggle("seen", seen);
    clearTimeout(vanishing);
    if (seen) vanishing = setTimeout(() => told.classList.remove("seen"), 10000);
}

// Files may be dropped anywhere; Gradio takes those on its own fields, and the browser the text on fields for text.
function isOurs(event) {
    const files = event.dataTransfer?.types.includes("Files");
    return !within(event, files ? ".upload-container" : "input, textarea, [contenteditable]");
}
addEventListener("dragover", (event) => isOurs(event) && event.preventDefault());
addEventListener("drop", (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    if (!takePhoto(event.dataTransfer.files[0]) && event.dataTransfer.types.includes("text/uri-list")) tell(TEXTS.onlyAddress, true);
});

// The picture

function describe(stage) {
    const [before, after] = stage.querySelectorAll("img");
    if (!after) return;
    const coloured = before.src !== after.src;
    const pair = stage.matches(".pair");
    const alt = pair ? TEXTS.right : coloured ? TEXTS.after : TEXTS.notYet;
    const altBefore = pair ? TEXTS.left : TEXTS.before;
    if (before.alt !== altBefore) before.alt = altBefore;
    if (after.alt !== alt) after.alt = alt;
    stage.classList.toggle("plain", !coloured);
    stage.classList.toggle("zoomed", /scale\((?!1\))/.test(after.style.transform));
    const [reset] = stage.querySelectorAll(".icon-button-wrapper button");
    if (reset && reset.title !== TEXTS.resetZoom) {
        reset.title = TEXTS.resetZoom;
        reset.ariaLabel = TEXTS.resetZoom;
    }
    followDivider(stage, after);
}

// Gradio clips the element; the slider counts along the picture inside it.
function followDivider(stage, after) {
    const range = stage.parentElement.querySelector(".divider input[type=range]");
    const clip = after.style.clipPath.match(/([\d.]+)%\)$/);
    if (!range || !clip || !after.naturalWidth || document.activeElement === range) return;
    const width = Math.min(after.offsetWidth, (after.offsetHeight * after.naturalWidth) / after.naturalHeight);
    const left = (after.offsetWidth - width) / 2;
    range.value = (((clip[1] / 100) * after.offsetWidth - left) / width) * 100;
    range.style.setProperty("--range_progress", `${range.value}%`);
}

const openTab = () => document.querySelector('#workspace [role="tab"][aria-selected="true"]')?.dataset.tabId;

// Which of the small results is the one of the visible tab.
function markResults() {
    const method = openTab();
    document.querySelectorAll("#results button[data-method]").forEach((button) => {
        const current = String(button.dataset.method === method);
        if (button.ariaCurrent !== current) button.ariaCurrent = current;
    });
}

// The row of tabs is one stop of the keyboard; the arrows walk along it.
function markTabs() {
    document.querySelectorAll('#workspace [role="tab"]').forEach((tab) => {
        const stop = tab.ariaSelected === "true" ? 0 : -1;
        if (tab.tabIndex !== stop) tab.tabIndex = stop;
    });
}
addEventListener("keydown", (event) => {
    const tab = within(event, '#workspace [role="tab"]');
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.parentElement.children];
    const next = tabs.at((tabs.indexOf(tab) + step) % tabs.length);
    next.click();
    next.focus();
});

// Of two buttons that take turns, the one that comes has the focus that the other had.
let buttons = null;
addEventListener("focusin", (event) => (buttons = within(event, ".buttons")));
addEventListener("pointerdown", (event) => (buttons = within(event, ".buttons")));
function keepFocus() {
    if (!buttons || document.activeElement !== document.body) return;
    [...buttons.querySelectorAll("button")].find((button) => button.checkVisibility() && !button.disabled)?.focus();
}

function describeAll() {
    document.querySelectorAll(".stage").forEach(describe);
    markResults();
    markTabs();
    requestAnimationFrame(() => requestAnimationFrame(keepFocus)); // a button loses its focus when it is not drawn
}
addEventListener("load", describeAll, true);
new MutationObserver(describeAll).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["src", "style", "aria-selected"],
});

// Gradio's picture would keep every wheel and finger: those that do not zoom go on to the page.
function letThrough(event) {
    const stage = within(event, ".stage");
    const zooms = event.ctrlKey || event.touches?.length > 1 || (event.touches && stage?.matches(".zoomed"));
    if (stage && !zooms && !within(event, ".outer")) event.stopPropagation();
}
addEventListener("wheel", letThrough, { capture: true, passive: true });
addEventListener("touchstart", letThrough, { capture: true, passive: true });

function zoom(stage, direction) {
    const part = stage.querySelector(".image-container");
    const { left, top, width, height } = part.getBoundingClientRect();
    const middle = { clientX: left + width / 2, clientY: top + height / 2 };
    const wheel = { deltaY: -direction, ctrlKey: true, bubbles: true, cancelable: true, ...middle };
    for (let notch = 0; notch < 6; notch += 1) part.querySelector("img").dispatchEvent(new WheelEvent("wheel", wheel));
}

addEventListener("click", (event) => {
    const method = within(event, "#results button[data-method]")?.dataset.method;
    if (method) document.querySelector(`#workspace [role="tab"][data-tab-id="${method}"]`).click();
});

// A slider that is moved by keyboard is let go with the key, as with the mouse.
addEventListener("keyup", (event) => {
    const moved = within(event, "input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key);
    if (moved) event.target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
});

const seeOriginal = (on) => document.documentElement.classList.toggle("original", on);
const tool = (event, name) => within(event, `[data-tool="${name}"]`);
const taken = "input:not([type=range]), textarea, select, [contenteditable], [role=option], summary, a";

addEventListener("click", (event) => {
    const direction = tool(event, "zoom-in") ? 1 : tool(event, "zoom-out") ? -1 : 0;
    if (direction) zoom(event.target.closest(".picture").querySelector(".stage"), direction);
});
addEventListener("pointerdown", (event) => tool(event, "hold") && seeOriginal(true));
["pointerup", "pointercancel", "blur"].forEach((end) => addEventListener(end, () => seeOriginal(false)));
addEventListener("contextmenu", (event) => tool(event, "hold") && event.preventDefault());
addEventListener("keydown", (event) => {
    const busy = within(event, taken) || within(event, `button:not([data-tool="hold"], [aria-selected="true"], [aria-current="true"])`);
    const seen = [...document.querySelectorAll(".stage")].some((stage) => stage.checkVisibility());
    if (event.code !== "Space" || busy || !seen) return;
    event.preventDefault();
    seeOriginal(true);
});
addEventListener("keyup", (event) => event.code === "Space" && seeOriginal(false));
