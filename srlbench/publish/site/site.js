// What pages do beyond being read: the colour scheme, sorting, filtering, comparing. Without it the tables are whole.
"use strict";

const SCHEMES = ["system", "light", "dark"];

function scheme(next) {
  const kept = () => { try { return localStorage.getItem("srlbench-scheme"); } catch { return null; } };
  const chosen = next ?? (SCHEMES.includes(kept()) ? kept() : "system");
  if (chosen === "system") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = chosen;
  if (next) try { localStorage.setItem("srlbench-scheme", next); } catch { /* a browser may forbid it for files */ }
  return chosen;
}

let chosen = scheme(); // before the page is drawn, so that it does not flash

function schemeButton() {
  const button = document.getElementById("scheme");
  const say = () => { button.textContent = `Colours: ${chosen}`; };
  button.addEventListener("click", () => {
    chosen = scheme(SCHEMES[(SCHEMES.indexOf(chosen) + 1) % SCHEMES.length]);
    say();
  });
  say();
  button.hidden = false;
}

// --- tables ---------------------------------------------------------------------------------------

function valueOf(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.order ?? (/[^○✕–\s]/.test(cell.textContent) && !cell.querySelector(".state, .not-run, .failed") ? cell.textContent.trim() : "");
  return text === "" ? null : isNaN(text) ? text.toLowerCase() : Number(text);
}

function sortBy(table, header, column) {
  const down = header.getAttribute("aria-sort") === "ascending" ||
    (header.getAttribute("aria-sort") === "none" && header.classList.contains("number") && column > 0);
  for (const each of header.parentNode.cells) each.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row, column), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null); // what has no value is last either way
    const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
    return down ? -order : order;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sortBy(table, header, column));
  });
}

function filter(form) {
  const rows = [...document.querySelectorAll("table[data-sortable] tbody tr")];
  const main = [...document.querySelectorAll("table[id^=averages] tbody tr")];
  const apply = () => {
    const { text, kind, backbone = "" } = Object.fromEntries(new FormData(form));
    for (const row of rows) {
      row.hidden = !(row.querySelector("th").textContent.toLowerCase().includes(text.trim().toLowerCase()) &&
        (!kind || row.dataset.kind === kind) && (!backbone || row.dataset.backbone === backbone));
    }
    for (const table of document.querySelectorAll("table[data-sortable]")) {
      const none = [...table.tBodies[0].rows].every((row) => row.hidden);
      table.closest(".scroll").hidden = none;
      const title = document.getElementById(`${table.id}-title`);
      if (title) title.hidden = none;
    }
    form.querySelector("output").textContent = `${main.filter((row) => !row.hidden).length} of ${main.length} rows`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}

// --- the comparison: lines that were calculated when the site was made -----------------------------

function cell(row, text, kind = "td") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (kind === "th") made.scope = "row";
  else made.className = "number";
  row.append(made);
  return made;
}

function line([title, a, b, ...numbers], averages) {
  const row = document.createElement("tr");
  if (averages.includes(title)) row.className = "average";
  cell(row, title, "th");
  const word = numbers.pop();
  for (const text of [a, b, ...numbers]) cell(row, text);
  const last = cell(row, "");
  last.className = "";
  last.append(Object.assign(document.createElement("span"), { className: word, textContent: word }));
  return row;
}

function compare(form) {
  const tracks = JSON.parse(document.getElementById("comparisons").textContent);
  const [track, first, second] = ["track", "first", "second"].map((name) => form.elements[name]);
  const table = document.querySelector("#difference table");
  const fill = (select, places) => {
    const kept = select.selectedOptions[0]?.text;
    const rows = tracks[track.value].rows;
    select.replaceChildren(...places.map((place) => new Option(rows[place], place, false, rows[place] === kept)));
  };
  const partners = () => {
    const { rows, pairs } = tracks[track.value];
    fill(second, rows.map((_, place) => place).filter((place) => `${first.value} ${place}` in pairs));
  };
  const show = () => {
    const { rows, pairs, averages } = tracks[track.value];
    const lines = pairs[`${first.value} ${second.value}`] ?? [];
    table.querySelector("[data-first]").textContent = rows[first.value] ?? "";
    table.querySelector("[data-second]").textContent = rows[second.value] ?? "";
    table.tBodies[0].replaceChildren(...lines.map((each) => line(each, averages)));
    const [[title, , , difference, interval] = []] = lines;
    document.getElementById("verdict").textContent = lines.length
      ? `${title}: ${rows[first.value]} minus ${rows[second.value]} is ${difference} (${interval}): ${lines[0].at(-1)}.` : "";
    document.getElementById("difference").hidden = !lines.length;
  };
  const start = () => { fill(first, Object.keys(tracks[track.value].rows)); partners(); show(); };
  track.addEventListener("change", start);
  first.addEventListener("change", () => { partners(); show(); });
  second.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  start();
}

document.addEventListener("DOMContentLoaded", () => {
  schemeButton();
  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  const [rows, pair] = ["filter", "compare"].map((id) => document.getElementById(id));
  if (rows) filter(rows);
  if (pair) compare(pair);
});
