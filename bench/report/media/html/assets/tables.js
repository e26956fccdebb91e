// A click on a header sorts by it: ascending, descending, then as it was.
"use strict";
(() => {
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const words = new Intl.Collator("en", { numeric: true });

  function key(row, column) {
    const cell = row.cells[column];
    return { number: "value" in cell.dataset ? Number(cell.dataset.value) : null, text: cell.textContent };
  }

  // Figures before words, whichever way: what has no figure is never first.
  function compare(a, b, sign) {
    if (a.number !== null && b.number !== null) return sign * (a.number - b.number);
    if (a.number !== null || b.number !== null) return a.number !== null ? -1 : 1;
    return sign * words.compare(a.text, b.text);
  }

  function sort(table, column, way) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.forEach((row, place) => (row.dataset.place ??= place));
    const sign = way === "descending" ? -1 : 1;
    const keys = new Map(rows.map((row) => [row, key(row, column)]));
    rows.sort((a, b) => a.dataset.place - b.dataset.place);
    if (way !== "none") rows.sort((a, b) => compare(keys.get(a), keys.get(b), sign));
    body.append(...rows);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("table.sortable th button");
    if (!button) return;
    const header = button.closest("th");
    const way = NEXT[header.getAttribute("aria-sort")];
    for (const other of header.parentNode.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", way);
    sort(header.closest("table"), header.cellIndex, way);
  });
})();
