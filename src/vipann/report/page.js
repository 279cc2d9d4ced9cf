// Tables sorted by a click, or the Enter key, on a column's heading. Rows whose first cell is
// empty belong to the row above and stay below it.
const valueOf = (row, column) => {
  const cell = row.cells[column];
  const text = (cell.dataset.value ?? cell.textContent).replace(/[,\u2007]/g, "").trim();
  const number = parseFloat(text.replace("\u2212", "-").replace(/^[<>\u2264=p\s]+/, ""));
  return Number.isNaN(number) ? text : number;
};
const isNothing = value => value === "" || value === "\u2013";
const compared = (one, other) => typeof one === "number" && typeof other === "number"
  ? one - other : String(one).localeCompare(String(other), undefined, {numeric: true});

function sortTable(table, heading) {
  const column = heading.cellIndex, body = table.tBodies[0], groups = [];
  const isDown = heading.getAttribute("aria-sort") === "ascending";
  for (const row of body.rows) {
    if (row.cells[0].textContent.trim() || !groups.length) groups.push([]);
    groups.at(-1).push(row);
  }
  groups.sort(([one], [other]) => {
    const [a, b] = [valueOf(one, column), valueOf(other, column)];
    if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b);
    return isDown ? compared(b, a) : compared(a, b);
  });
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  body.append(...groups.flat());
}

for (const table of document.querySelectorAll("table")) {
  if (!table.tHead || table.tBodies[0].rows.length < 3) continue;
  for (const heading of table.tHead.rows[0].cells) {
    if (!heading.textContent.trim()) continue;
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortTable(table, heading));
    heading.append(button);
  }
}
