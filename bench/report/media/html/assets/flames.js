// The view of functions: the choices, the blocks, the search and the table below them.
"use strict";
(() => {
  const section = document.querySelector(".flames");
  if (!section) return;
  const data = JSON.parse(document.getElementById("data").textContent).functions;
  const form = section.querySelector("form");
  const { runner, at, counter, find } = form.elements;
  const icicle = section.querySelector(".icicle");
  const LEAST = 0.0015; // of the width: about one and a half pixels
  const HUES = 6;
  let root, focus, rows, hues;

  const unique = (values) => [...new Set(values)];
  const number = (value) => (value / divisor()).toLocaleString("en", { maximumFractionDigits: 1 });
  const signed = (value) => (value > 0 ? "+" : "") + number(value);
  const functions = (some) => (some.length === 1 ? "1 function" : `${some.length} functions`);
  const divisor = () => data.divisors[counter.value] ?? 1;

  function fill(select, values, wanted, word = (value) => value) {
    const kept = values.includes(wanted) ? wanted : values[0];
    select.replaceChildren(...values.map((value) => new Option(word(value), value, false, value === kept)));
    select.closest("label").hidden = values.length < 2;
  }

  function isShown(cell) {
    return [...document.querySelectorAll("[data-filter]")].every((filter) => {
      const own = Object.entries(cell.facets).find(([name]) => name.replaceAll(" ", "-") === filter.dataset.filter);
      return !filter.value || !own || own[1] === filter.value;
    });
  }

  function offer(wanted) {
    const cells = data.cells.filter(isShown);
    section.hidden = !cells.length;
    if (!cells.length) return;
    fill(runner, unique(cells.map((cell) => cell.runner)), wanted.runner);
    const own = cells.filter((cell) => cell.runner === runner.value);
    fill(at, unique(own.map((cell) => cell.at)), wanted.at);
    const counted = Object.keys(own.find((cell) => cell.at === at.value).rows);
    const known = Object.keys(data.counters).filter((name) => counted.includes(name));
    fill(counter, known, wanted.counter, (name) => data.counters[name]);
    choose();
  }

  function choose() {
    const cell = data.cells.find((each) => each.runner === runner.value && each.at === at.value);
    rows = cell.rows[counter.value].map(([place, before, after]) => {
      const [pack, file, name, line] = data.places[place];
      return { package: pack, file, function: name, line, before, after };
    });
    root = focus = tree.build(`${runner.value}`, rows);
    hues = new Map([...root.children.values()].sort((a, b) => b.value - a.value).map((node, i) => [node.name, i % HUES]));
    draw();
    tell();
  }

  function hue(node) {
    let top = node;
    while (top.depth > 1) top = top.parent;
    return top.depth ? `var(--hue-${hues.get(top.name)})` : "var(--card)";
  }

  function found(node) {
    return node.row ? tree.matches(node.row, find.value) : [...node.children.values()].some(found);
  }

  function button({ node, left, width }) {
    const made = document.createElement("button");
    made.type = "button";
    made.node = node;
    made.style.left = `${100 * left}%`;
    made.style.width = `${100 * width}%`;
    made.style.background = hue(node);
    made.tabIndex = node === focus ? 0 : -1;
    if (width < 0.01) made.className = "thin";
    made.textContent = width < 0.01 ? "" : `${node.label} ${signed(node.value)}`;
    const where = node.row ? `${node.row.file}:${node.row.line} ${node.label}` : node.label;
    made.title = `${where}: ${signed(node.value)} ${data.counters[counter.value]}`;
    made.setAttribute("aria-label", made.title);
    if (find.value.trim()) made.classList.add(!found(node) ? "dim" : node.row ? "hit" : "path");
    return made;
  }

  function draw(keepFocus) {
    const levels = root.value ? tree.layout(focus, LEAST) : [];
    icicle.replaceChildren(
      ...levels.map((level) => {
        const line = document.createElement("div");
        line.className = "level";
        line.append(...level.map(button));
        return line;
      }),
    );
    if (keepFocus) icicle.querySelector('[tabindex="0"]')?.focus();
  }

  function cell(text, value) {
    const made = document.createElement("td");
    made.textContent = text;
    if (value !== undefined) {
      made.dataset.value = value;
      made.className = "figure";
    }
    return made;
  }

  function tell() {
    const matching = rows.filter((row) => tree.matches(row, find.value));
    const sum = (some) => some.reduce((total, row) => total + row.after - row.before, 0);
    const words = data.counters[counter.value];
    const whole = `${signed(sum(rows))} ${words} in ${functions(rows)}`;
    section.querySelector(".shown").textContent = find.value.trim()
      ? `${matching.length} of ${rows.length} functions match: ${signed(sum(matching))} of ${signed(sum(rows))} ${words}.`
      : `${whole}, against ${section.dataset.against}.`;
    const fewer = rows.filter((row) => row.after < row.before);
    section.querySelector(".undrawn").textContent = fewer.length
      ? `Not drawn, since there is less of them: ${functions(fewer)}, ${signed(sum(fewer))} ${words}.`
      : "";
    const table = section.querySelector("table");
    for (const header of table.tHead.rows[0].cells) header.setAttribute("aria-sort", "none");
    table.tBodies[0].replaceChildren(
      ...matching.map((row) => {
        const line = document.createElement("tr");
        const figures = [row.before, row.after, row.after - row.before];
        line.append(cell(row.function), cell(`${row.file}:${row.line}`));
        line.append(...figures.map((value, i) => cell((i === 2 ? signed : number)(value), value)));
        return line;
      }),
    );
  }

  function zoom(node) {
    focus = node.children.size || !node.parent ? node : node.parent;
    draw(true);
  }

  function move(from, key) {
    const siblings = [...from.parentNode.children];
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (aside) return siblings[siblings.indexOf(from) + aside];
    const all = [...icicle.querySelectorAll("button")];
    if (key === "ArrowUp") return all.find((each) => each.node === from.node.parent);
    return all.find((each) => each.node.parent === from.node);
  }

  icicle.addEventListener("click", (event) => {
    const from = event.target.closest("button");
    if (from) zoom(from.node);
  });
  icicle.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return zoom(root);
    const next = event.key.startsWith("Arrow") && event.target.node && move(event.target, event.key);
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  for (const select of [runner, at, counter]) {
    select.addEventListener("change", () => offer({ runner: runner.value, at: at.value, counter: counter.value }));
  }
  find.addEventListener("input", () => (draw(), tell()));
  document.addEventListener("filtered", () => offer({ runner: runner.value, at: at.value, counter: counter.value }));
  offer({ ...data.cells[data.start], counter: "python_calls" });
})();
