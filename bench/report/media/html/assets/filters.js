// Filters hide what has another value of their facet; what lacks the facet stays.
"use strict";
(() => {
  const controls = [...document.querySelectorAll("[data-filter]")];

  const SCROLLS = 15; // a table of more rows does not show all of them at once

  function hides(element) {
    return controls.some((control) => {
      const wanted = control.value.trim();
      if (!wanted) return false;
      if (control.type === "search") {
        return element.matches("tbody tr") && !element.textContent.toLowerCase().includes(wanted.toLowerCase());
      }
      const own = element.getAttribute(`data-${control.dataset.filter}`);
      return own !== null && !own.split("\n").includes(wanted);
    });
  }

  function tellRows(grid) {
    const rows = [...grid.querySelectorAll("tbody tr")];
    const shown = rows.filter((row) => !row.hidden).length;
    const all = rows.length > SCROLLS ? `${rows.length} rows` : "";
    grid.querySelector(".shown").textContent = shown < rows.length ? `${shown} of ${rows.length} rows` : all;
    if (!shown && !grid.querySelector("table.wraps")) grid.hidden = true; // where no row is found the headers say of what
  }

  function apply() {
    for (const element of document.querySelectorAll(".block, tbody tr")) element.hidden = hides(element);
    document.querySelectorAll(".grid").forEach(tellRows);
    for (const part of document.querySelectorAll(".part")) {
      const blocks = [...part.querySelectorAll(".block")];
      part.hidden = blocks.length > 0 && blocks.every((block) => block.hidden);
    }
    document.dispatchEvent(new CustomEvent("filtered"));
  }

  for (const control of controls) control.addEventListener(control.type === "search" ? "input" : "change", apply);
  // A reset takes effect after its event.
  for (const form of document.querySelectorAll(".filters")) form.addEventListener("reset", () => setTimeout(apply));
  apply(); // a browser may have kept the choices of an earlier visit
})();
