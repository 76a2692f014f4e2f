// Several files, a folder or a zip that are dropped or pasted anywhere are a batch.

const isBatch = (files) => files.length > 1 || /\.zip$/i.test(files[0]?.name ?? "");

function takeBatch(files) {
    const input = document.querySelector("#batch-upload input[type=file]");
    if (!input || !files.length) return;
    const carrier = new DataTransfer();
    files.forEach((file) => carrier.items.add(file));
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
}

// The files of a dropped folder, each with its path in its name: a slash would not arrive.
async function filesIn(entry) {
    if (entry.isFile) {
        const file = await new Promise((done, fail) => entry.file(done, fail));
        const name = entry.fullPath.slice(1).replaceAll("/", ",,");
        return /(^|,,)\./.test(name) ? [] : [new File([file], name, { type: file.type })];
    }
    const reader = entry.createReader();
    const files = [];
    for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return files;
        for (const each of some) files.push(...(await filesIn(each)));
    }
}

addEventListener(
    "drop",
    async (event) => {
        const files = [...(event.dataTransfer?.files ?? [])];
        const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
        const folder = entries.some((entry) => entry.isDirectory);
        if (within(event, ".picture-option") || (!folder && !isBatch(files))) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        takeBatch(folder ? (await Promise.all(entries.map(filesIn))).flat() : files);
    },
    { capture: true },
);
