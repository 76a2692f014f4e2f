// What Gradio leaves to the page: a photo pasted or dropped anywhere, words for the before/after pictures, and a
// divider that the "Divider position" slider follows when it is dragged. TEXTS comes from theme.py.

function takePhoto(file) {
    const input = document.querySelector("#upload input[type=file]");
    if (!input || !file) return false;
    const carrier = new DataTransfer();
    carrier.items.add(file);
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
}

const inUpload = (event) => event.target instanceof Element && event.target.closest(".upload-container");

addEventListener("paste", (event) => {
    if (takePhoto(event.clipboardData?.files[0])) event.preventDefault();
});
addEventListener("dragover", (event) => {
    if (!inUpload(event)) event.preventDefault();
});
addEventListener("drop", (event) => {
    if (inUpload(event)) return;
    event.preventDefault();
    takePhoto(event.dataTransfer?.files[0]);
});

function describe(stage) {
    const [before, after] = stage.querySelectorAll("img");
    if (!after) return;
    const coloured = before.src !== after.src;
    const alt = coloured ? TEXTS.after : TEXTS.notYet;
    if (before.alt !== TEXTS.before) before.alt = TEXTS.before;
    if (after.alt !== alt) after.alt = alt;
    stage.classList.toggle("plain", !coloured);
    if (before.naturalWidth) stage.style.setProperty("--ratio", before.naturalWidth / before.naturalHeight);
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

const describeAll = () => document.querySelectorAll(".stage").forEach(describe);
addEventListener("load", describeAll, true);
new MutationObserver(describeAll).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["src", "style"],
});
