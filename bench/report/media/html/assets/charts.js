// Each chart is drawn again by Vega, which knows what lies under the pointer; until then, and where that fails, the
// image stands there.
"use strict";
(() => {
  if (!window.vegaEmbed) return;
  const charts = JSON.parse(document.getElementById("data").textContent).charts;
  const tip = document.body.appendChild(document.createElement("div"));
  tip.className = "tip";
  tip.hidden = true;

  function entry(name, value) {
    const parts = [document.createElement("dt"), document.createElement("dd")];
    parts[0].textContent = name;
    parts[1].textContent = value;
    return parts;
  }

  function showTip(_handler, event, _item, value) {
    tip.hidden = !value;
    if (!value) return;
    const list = document.createElement("dl");
    const pairs = typeof value === "object" ? Object.entries(value) : [["", value]];
    list.append(...pairs.flatMap(([name, each]) => entry(name, each)));
    tip.replaceChildren(list);
    const right = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.min(event.clientX + 14, right) + window.scrollX}px`;
    tip.style.top = `${event.clientY + 14 + window.scrollY}px`;
  }

  const OPTIONS = { mode: "vega", renderer: "svg", actions: false, defaultStyle: false, tooltip: showTip };

  async function draw(figure) {
    const image = figure.querySelector("img");
    const place = document.createElement("div");
    await vegaEmbed(place, charts[figure.dataset.chart], OPTIONS);
    const svg = place.querySelector("svg");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", image.alt);
    image.replaceWith(place);
  }

  async function drawAll() {
    for (const figure of document.querySelectorAll("[data-chart]")) await draw(figure);
    document.documentElement.dataset.drawn = "yes";
  }

  drawAll();
})();
