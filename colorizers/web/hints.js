// Colour hints: marks over the picture of the visible tab, a palette for the place of one, undo and redo. The server is
// sent the whole list after every change; it sends one when the photo is another or was turned.

const PLACES = "http://www.w3.org/2000/svg";
const MOST_POINTS = 200, MOST_STEPS = 200, TAP = 5, ARROW = 0.01; // pixels that a tap may move; share of a step
const REFERENCE_SIDE = 240; // pixels of the reference picture

let hints = []; // {path: [[along, down], ...], color: "#rrggbb" or null, ...}
let steps = [[]], step = 0, lastKind = ""; // the lists that were, for undo and redo
let chosen = -1; // the hint whose palette is open; hints.length for one that has no colour yet
let waiting = null; // that one
let known = ""; // the token of the last list of the server
let toolOn = false, frame = 0;

const rounded = (share) => Math.round(Math.min(1, Math.max(0, share)) * 1e4) / 1e4;
const middle = (path) => path[Math.floor(path.length / 2)];
const worded = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function made(tag, attributes = {}, parent = null) {
    const part = Object.assign(document.createElement(tag), attributes);
    parent?.append(part);
    return part;
}

// What stands over the picture

const overlay = made("div", { className: "hints" });
const surface = made("div", { className: "hints-surface", tabIndex: 0 }, overlay);
surface.setAttribute("role", "group");
surface.ariaLabel = TEXTS.hintKeys;
const strokes = document.createElementNS(PLACES, "svg");
strokes.setAttribute("viewBox", "0 0 1 1");
strokes.setAttribute("preserveAspectRatio", "none");
strokes.setAttribute("aria-hidden", "true");
surface.append(strokes);
const marks = made("div", {}, surface);
made("p", { className: "hints-help", textContent: TEXTS.hintHelp }, overlay);
const palette = made("div", { className: "hints-palette", hidden: true }, overlay);
palette.setAttribute("role", "dialog");
palette.ariaLabel = TEXTS.hintColors;
const swatches = made("div", { className: "swatches" }, palette);
const more = made("div", { className: "more" }, palette);
const other = made("label", { textContent: TEXTS.otherColor }, more);
const picker = made("input", { type: "color" }, other);
const fromPicture = made("label", { textContent: TEXTS.fromPicture, className: "file" }, more);
const file = made("input", { type: "file", accept: "image/*" }, fromPicture);
const remove = made("button", { type: "button", textContent: TEXTS.removeHint }, more);
const close = made("button", { type: "button", textContent: "×", className: "close", title: TEXTS.closeHint }, palette);
close.ariaLabel = TEXTS.closeHint;
const reference = made("canvas", { hidden: true, title: TEXTS.clickPicture }, palette);
reference.ariaLabel = TEXTS.clickPicture;
const unreadable = made("p", { hidden: true, textContent: TEXTS.unreadablePicture }, palette);
unreadable.setAttribute("role", "alert");

const stageInSight = () => [...document.querySelectorAll(".stage:not(.plain, .pair)")].find((stage) => stage.checkVisibility());

// The surface lies exactly over the photo, however large it is drawn; Gradio fits it into its element and moves that.
function lay() {
    const stage = toolOn && stageInSight();
    if (!stage) return overlay.remove();
    const picture = stage.querySelectorAll("img")[1];
    if (!picture?.naturalWidth) return; // it is coming: marks stay, and keep the focus
    if (overlay.parentElement !== stage) stage.append(overlay);
    const around = stage.getBoundingClientRect(), box = picture.getBoundingClientRect();
    const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
    const width = picture.naturalWidth * scale, height = picture.naturalHeight * scale;
    const left = box.left + (box.width - width) / 2 - around.left, top = box.top + (box.height - height) / 2 - around.top;
    const place = `left:${left}px;top:${top}px;width:${width}px;height:${height}px`;
    if (surface.dataset.place === place) return;
    surface.dataset.place = surface.style.cssText = place;
    layPalette();
}

function layPalette() {
    if (palette.hidden) return;
    const [along, down] = middle(shownHints()[chosen].path);
    const x = surface.offsetLeft + along * surface.offsetWidth, y = surface.offsetTop + down * surface.offsetHeight;
    const { offsetWidth: wide, offsetHeight: high } = palette, { clientWidth, clientHeight } = overlay;
    const below = y + 18 + high <= clientHeight || y - 18 - high < 0;
    palette.style.left = `${Math.max(4, Math.min(x - wide / 2, clientWidth - wide - 4))}px`;
    palette.style.top = `${Math.max(4, Math.min(below ? y + 18 : y - 18 - high, clientHeight - high - 4))}px`;
}

const shownHints = () => (waiting ? [...hints, waiting] : hints);

function draw() {
    const all = shownHints();
    while (marks.children.length > all.length) marks.lastChild.remove();
    strokes.replaceChildren();
    all.forEach((hint, number) => {
        const mark = marks.children[number] ?? made("button", { type: "button", className: "hint" }, marks);
        const [along, down] = middle(hint.path);
        const color = hint.color ?? (hint === waiting ? "?" : TEXTS.noColor);
        mark.ariaLabel = worded(TEXTS.hint, { number: number + 1, color });
        mark.style.cssText = `left:${along * 100}%;top:${down * 100}%;--color:${hint.color ?? "transparent"}`;
        mark.classList.toggle("colorless", hint !== waiting && hint.color === null);
        mark.classList.toggle("waiting", hint === waiting);
        mark.ariaExpanded = String(number === chosen);
        if (hint.path.length < 2) return;
        for (const kind of ["around", "stroke"]) {
            const line = document.createElementNS(PLACES, "polyline");
            line.setAttribute("points", hint.path.map((point) => point.join()).join(" "));
            line.setAttribute("class", kind);
            line.style.setProperty("--color", hint.color ?? "#8888");
            strokes.append(line);
        }
    });
    overlay.classList.toggle("empty", all.length === 0);
    const can = { "hints-undo": step > 0, "hints-redo": step < steps.length - 1, "hints-clear": hints.length > 0 };
    for (const [name, possible] of Object.entries(can)) {
        document.querySelectorAll(`[data-tool="${name}"]`).forEach((button) => (button.disabled = !possible));
    }
}

function turnTool(on) {
    toolOn = on;
    document.documentElement.classList.toggle("hinting", on);
    document.querySelectorAll('[data-tool="hints"]').forEach((button) => (button.ariaPressed = String(on)));
    closePalette();
    follow();
}

// The picture moves when it is zoomed, gets another size with the window, and another tab has another one.
function follow() {
    lay();
    cancelAnimationFrame(frame);
    if (toolOn) frame = requestAnimationFrame(follow);
}

// What the server is told, and tells

const write = (name, value) => document.dispatchEvent(new CustomEvent(name, { detail: JSON.stringify(value) }));

// Changes of one kind, such as the presses of an arrow, are one step.
function change(list, kind = "") {
    const follows = kind && kind === lastKind;
    steps = [...steps.slice(0, follows ? step : step + 1), list].slice(-MOST_STEPS);
    lastKind = kind;
    goTo(steps.length - 1);
}

function goTo(place) {
    step = place;
    hints = steps[step];
    if (chosen >= shownHints().length) closePalette();
    draw();
    write("hints-sent", hints);
}

function walk(by) {
    if (!steps[step + by]) return;
    lastKind = "";
    closePalette();
    goTo(step + by);
}

function listen() {
    const told = document.querySelector("#hints-known [data-token]")?.dataset;
    if (told && told.token !== known) {
        known = told.token;
        closePalette();
        hints = JSON.parse(told.hints);
        [steps, step, lastKind] = [[hints], 0, ""];
        draw();
    }
    const { place, colors } = document.querySelector("#hints-colors [data-place]")?.dataset ?? {};
    if (!palette.hidden && swatches.dataset.place === place && swatches.dataset.colors !== colors) {
        swatches.dataset.colors = colors;
        drawSwatches(JSON.parse(colors));
    }
}

// The palette

function drawSwatches(colors) {
    const had = swatches.contains(document.activeElement);
    swatches.replaceChildren();
    for (const color of [...colors, null]) {
        const text = color ? worded(TEXTS.useColor, { color }) : TEXTS.noColor;
        const swatch = made("button", { type: "button", title: text }, swatches);
        swatch.ariaLabel = text;
        swatch.className = color ? "" : "colorless";
        swatch.style.setProperty("--color", color ?? "transparent");
        swatch.addEventListener("click", () => recolor(color));
    }
    if (had) swatches.firstChild.focus();
}

function openPalette(number) {
    chosen = number;
    const hint = shownHints()[number], place = middle(hint.path);
    picker.value = hint.color ?? "#808080";
    [palette.hidden, unreadable.hidden] = [false, true];
    Object.assign(swatches.dataset, { place: JSON.stringify(place), colors: "" });
    drawSwatches([]);
    draw();
    layPalette();
    write("hints-place", place);
    swatches.firstChild.focus({ preventScroll: true });
}

function closePalette() {
    [chosen, waiting, palette.hidden] = [-1, null, true];
    draw();
}

function recolor(color, kind = "") {
    const number = chosen, hint = { ...shownHints()[number], color };
    waiting = null;
    if (color) picker.value = color;
    change([...hints.slice(0, number), hint, ...hints.slice(number + 1)], kind);
}

function takeAway(number) {
    const placed = number < hints.length;
    closePalette();
    if (placed) change(hints.filter((_, k) => k !== number));
    (marks.children[Math.min(number, hints.length - 1)] ?? surface).focus({ preventScroll: true });
}

picker.addEventListener("input", () => recolor(picker.value, `color ${chosen}`));
remove.addEventListener("click", () => takeAway(chosen));
close.addEventListener("click", () => leavePalette());

function leavePalette() {
    const mark = marks.children[chosen];
    const stays = chosen < hints.length;
    closePalette();
    (stays ? mark : surface).focus({ preventScroll: true });
}

// The picture stays in the browser.
file.addEventListener("change", async () => {
    const [picture] = file.files;
    if (!picture) return;
    try {
        const drawn = await createImageBitmap(picture);
        const scale = Math.min(1, REFERENCE_SIDE / Math.max(drawn.width, drawn.height));
        reference.width = Math.max(1, Math.round(drawn.width * scale));
        reference.height = Math.max(1, Math.round(drawn.height * scale));
        reference.getContext("2d", { willReadFrequently: true }).drawImage(drawn, 0, 0, reference.width, reference.height);
        [reference.hidden, unreadable.hidden] = [false, true];
    } catch {
        [reference.hidden, unreadable.hidden] = [true, false];
    }
    file.value = "";
    layPalette();
});
reference.addEventListener("click", (event) => {
    const x = Math.floor((event.offsetX / reference.clientWidth) * reference.width);
    const y = Math.floor((event.offsetY / reference.clientHeight) * reference.height);
    const [red, green, blue] = reference.getContext("2d").getImageData(x, y, 1, 1).data;
    recolor(`#${((1 << 24) | (red << 16) | (green << 8) | blue).toString(16).slice(1)}`);
});

// Mouse, pen and finger

function placeOf(event) {
    const { left, top, width, height } = surface.getBoundingClientRect();
    return [rounded((event.clientX - left) / width), rounded((event.clientY - top) / height)];
}

// At most so many points, evenly chosen.
function thinned(path) {
    const count = Math.min(path.length, MOST_POINTS);
    return Array.from({ length: count }, (_, k) => path[Math.round((k * (path.length - 1)) / Math.max(1, count - 1))]);
}

const moved = (path, along, down) => path.map(([x, y]) => [rounded(x + along), rounded(y + down)]);

// By how much a path can be moved so that all of it stays on the photo.
function allowed(path, along, down) {
    const within = (by, values) => Math.min(1 - Math.max(...values), Math.max(-Math.min(...values), by));
    return [within(along, path.map(([x]) => x)), within(down, path.map(([, y]) => y))];
}

let gesture = null; // what the pointer that is down does: it paints, or moves a mark

function begin(event) {
    if (event.button !== 0 || palette.contains(event.target)) return;
    event.preventDefault();
    if (!event.isPrimary) return abandon();
    const number = [...marks.children].indexOf(event.target);
    if (number < 0) closePalette();
    gesture = { number, from: event, path: [placeOf(event)], far: false };
    surface.setPointerCapture(event.pointerId);
}

function abandon() {
    gesture = null;
    draw();
}

function go(event) {
    if (!gesture || !event.isPrimary) return;
    gesture.far ||= Math.hypot(event.clientX - gesture.from.clientX, event.clientY - gesture.from.clientY) > TAP;
    if (!gesture.far) return;
    if (gesture.number < 0) {
        gesture.path.push(placeOf(event));
        waiting = { path: thinned(gesture.path), color: null };
    } else if (shownHints()[gesture.number]) {
        const hint = shownHints()[gesture.number], [x, y] = gesture.path[0], [along, down] = placeOf(event);
        gesture.path.splice(1, 1, allowed(hint.path, along - x, down - y));
        const [left, top] = middle(moved(hint.path, ...gesture.path[1]));
        Object.assign(marks.children[gesture.number].style, { left: `${left * 100}%`, top: `${top * 100}%` });
        return;
    }
    draw();
}

function end(event) {
    if (!gesture || !event.isPrimary) return;
    const { number, path, far } = gesture;
    gesture = null;
    if (number < 0) {
        waiting = { path: thinned(path), color: null };
        openPalette(hints.length);
    } else if (!far) {
        openPalette(number);
    } else {
        move(number, ...path[1]);
    }
}

function move(number, along, down, kind) {
    const hint = shownHints()[number], there = { ...hint, path: moved(hint.path, along, down) };
    if (hint !== waiting) return change(hints.map((each) => (each === hint ? there : each)), kind);
    waiting = there;
    openPalette(number);
}

// A click without a pointer is one of a screen reader.
marks.addEventListener("click", (event) => event.detail || openPalette([...marks.children].indexOf(event.target)));
surface.addEventListener("pointerdown", begin);
surface.addEventListener("pointermove", go);
surface.addEventListener("pointerup", end);
surface.addEventListener("pointercancel", abandon);
surface.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    overlay.parentElement.querySelector("img").dispatchEvent(new WheelEvent("wheel", event));
}, { passive: false });

// Keyboard

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

overlay.addEventListener("keydown", (event) => {
    const number = [...marks.children].indexOf(event.target);
    const arrow = number >= 0 && ARROWS[event.key];
    if (arrow) {
        const far = ARROW * (event.shiftKey ? 5 : 1), { path } = shownHints()[number];
        move(number, ...allowed(path, arrow[0] * far, arrow[1] * far), `move ${number}`);
        layPalette();
    } else if (number >= 0 && ["Delete", "Backspace"].includes(event.key)) {
        takeAway(number);
    } else if (number >= 0 && ["Enter", " "].includes(event.key)) {
        openPalette(number);
    } else if (event.target === surface && event.key === "Enter") {
        waiting = { path: [[0.5, 0.5]], color: null };
        openPalette(hints.length);
    } else {
        return;
    }
    event.preventDefault();
    event.stopPropagation();
});

addEventListener("keydown", (event) => {
    if (!toolOn || (within(event, taken) && !overlay.contains(event.target))) return;
    const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    if (key === "escape") palette.hidden ? turnTool(false) : leavePalette();
    else if (control && (key === "y" || (key === "z" && event.shiftKey))) walk(1);
    else if (control && key === "z") walk(-1);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
}, { capture: true });

addEventListener("click", (event) => {
    if (tool(event, "hints")) turnTool(!toolOn);
    if (tool(event, "hints-undo")) walk(-1);
    if (tool(event, "hints-redo")) walk(1);
    if (tool(event, "hints-clear")) change([]);
});

new MutationObserver(listen).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["data-token", "data-colors"],
});
