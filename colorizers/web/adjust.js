// Undo and redo by keyboard, where nothing is being written.

addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const step = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : "";
    if (!step || !(event.ctrlKey || event.metaKey) || event.altKey || within(event, "input:not([type=range], [type=checkbox]), textarea")) return;
    const button = [...document.querySelectorAll(`button.${step}`)].find((one) => one.checkVisibility());
    if (!button) return;
    event.preventDefault();
    button.click();
});
