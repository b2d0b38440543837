"use strict";
// A press on a column's head sorts the table by it: upwards, downwards, and as it was. Numbers are sorted as
// numbers, by what a cell begins with; empty cells stay at the end.
const NOTHING = "–";
const NUMBER = /^[+\-−]?(\d[\d,]*\.?\d*|\.\d+)(e[+\-]?\d+)?(?=$|[\s%±†*])/i;
const NEXT = {none: "ascending", ascending: "descending", descending: "none"};

function valueOf(row, column) {
  return row.cells[column].textContent.trim();
}

function numberOf(text) {
  const found = NUMBER.exec(text);
  return found ? Number(found[0].replace("−", "-").replaceAll(",", "")) : null;
}

function sorted(rows, column, direction) {
  const texts = new Map(rows.map((row) => [row, valueOf(row, column)]));
  const known = rows.filter((row) => ![NOTHING, ""].includes(texts.get(row)));
  const numbers = new Map(known.map((row) => [row, numberOf(texts.get(row))]));
  const plain = [...numbers.values()].includes(null);
  const order = plain
    ? (a, b) => texts.get(a).localeCompare(texts.get(b), "en", {numeric: true})
    : (a, b) => numbers.get(a) - numbers.get(b);
  known.sort((a, b) => (direction === "ascending" ? order(a, b) : order(b, a)));
  return [...known, ...rows.filter((row) => !numbers.has(row))];
}

for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const before = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  if (before.length < 2) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = NEXT[head.getAttribute("aria-sort") ?? "none"];
      for (const other of heads) other.removeAttribute("aria-sort");
      if (direction !== "none") head.setAttribute("aria-sort", direction);
      body.append(...(direction === "none" ? before : sorted(before, column, direction)));
    });
  });
}
