// The functions of one loop as a tree of packages, modules and functions. No part of a page is touched here.
"use strict";
const tree = (() => {
  function child(parent, name, label) {
    let found = parent.children.get(name);
    if (!found) {
      found = { name, label, parent, value: 0, children: new Map(), depth: parent.depth + 1 };
      parent.children.set(name, found);
    }
    return found;
  }

  // `rows` are {package, file, function, line, before, after}; what there is less of has no width and is left out.
  function build(name, rows) {
    const root = { name, label: name, parent: null, value: 0, children: new Map(), depth: 0 };
    for (const row of rows) {
      const more = row.after - row.before;
      if (more <= 0) continue;
      const inside = row.file.startsWith(`${row.package}/`) ? row.file.slice(row.package.length + 1) : row.file;
      const module = child(child(root, row.package, row.package), row.file, inside);
      const leaf = child(module, `${row.function}:${row.line}`, row.function);
      leaf.row = row;
      for (let node = leaf; node; node = node.parent) node.value += more;
    }
    return root;
  }

  const ancestors = (node) => (node.parent ? [...ancestors(node.parent), node.parent] : []);
  const sorted = (node) => [...node.children.values()].sort((a, b) => b.value - a.value);

  // The levels to be drawn when `focus` fills the width: each a list of {node, left, width} in fractions of it.
  function layout(focus, least) {
    const levels = [...ancestors(focus), focus].map((node) => [{ node, left: 0, width: 1 }]);
    let above = levels[levels.length - 1];
    while (above.length) {
      above = above.flatMap(({ node, left }) => {
        let next = left;
        return sorted(node).map((each) => {
          const placed = { node: each, left: next, width: each.value / focus.value };
          next += placed.width;
          return placed;
        });
      });
      above = above.filter(({ width }) => width >= least);
      if (above.length) levels.push(above);
    }
    return levels;
  }

  function matches(row, text) {
    const wanted = text.trim().toLowerCase();
    return !wanted || `${row.package} ${row.file} ${row.function}`.toLowerCase().includes(wanted);
  }

  return { build, layout, matches };
})();
