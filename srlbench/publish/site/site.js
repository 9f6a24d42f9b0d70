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
  const first = document.querySelector("table[data-sortable]");
  const apply = () => {
    const { text, kind, backbone } = Object.fromEntries(new FormData(form));
    for (const row of rows) {
      row.hidden = !(row.querySelector("th").textContent.toLowerCase().includes(text.trim().toLowerCase()) &&
        (!kind || row.dataset.kind === kind) && (!backbone || row.dataset.backbone === backbone));
    }
    const all = [...first.tBodies[0].rows];
    form.querySelector("output").textContent = `${all.filter((row) => !row.hidden).length} of ${all.length} rows`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}

// --- the comparison -------------------------------------------------------------------------------

const said = (value, digits = 2) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);

function summary(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null, n: values.length };
}

const spelled = ({ mean, sd, n }) => `${mean.toFixed(2)}${sd === null ? "" : ` ± ${sd.toFixed(2)}`} (${n})`;
const title = (name) => (name.endsWith("_avg") ? `${name.slice(0, -4).replace(/^sts$/, "STS")} avg` : name);

function difference(a, b, name, quantiles) {
  const of = (row) => Object.values(row.seeds).map((scores) => scores[name]).filter((value) => value !== undefined);
  const both = Object.keys(a.seeds).filter((seed) => a.seeds[seed][name] !== undefined && b.seeds[seed]?.[name] !== undefined);
  const sides = [of(a), of(b)].map((values) => (values.length ? summary(values) : null));
  if (!both.length) return { sides };
  const found = summary(both.map((seed) => a.seeds[seed][name] - b.seeds[seed][name]));
  const half = found.sd === null ? null : quantiles[found.n - 2] * found.sd / Math.sqrt(found.n);
  return { sides, ...found, low: half === null ? null : found.mean - half, high: half === null ? null : found.mean + half };
}

function cell(row, text, kind = "td") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (kind === "th") made.scope = "row";
  else made.className = "number";
  row.append(made);
  return made;
}

function bar(row, found, reach) {
  const place = (value) => `${Math.max(0, Math.min(100, 50 + 50 * value / reach))}%`;
  const holder = cell(row, "");
  holder.setAttribute("aria-hidden", "true");
  const drawn = holder.appendChild(document.createElement("span"));
  drawn.className = "bar";
  if (found.low !== null) {
    const line = drawn.appendChild(document.createElement("i"));
    line.style.left = place(found.low);
    line.style.right = `calc(100% - ${place(found.high)})`;
  }
  drawn.appendChild(document.createElement("b")).style.left = place(found.mean);
}

function compare(form) {
  const { tracks, quantiles } = JSON.parse(document.getElementById("scores").textContent);
  const [track, first, second] = ["track", "first", "second"].map((name) => form.elements[name]);
  const table = document.querySelector("#difference table");
  const fill = () => {
    const options = tracks[track.value].rows.map((row, place) => new Option(row.name, place));
    first.replaceChildren(...options);
    second.replaceChildren(...options.map((option) => option.cloneNode(true)));
    second.selectedIndex = Math.min(1, options.length - 1);
  };
  const show = () => {
    const { names, rows } = tracks[track.value];
    const [a, b] = [rows[first.value], rows[second.value]];
    const found = names.map((name) => [name, difference(a, b, name, quantiles)]);
    const reach = Math.max(...found.flatMap(([, each]) => [each.low, each.high, each.mean].map((v) => Math.abs(v ?? 0))), 0.01);
    table.querySelector("[data-first]").textContent = a.name;
    table.querySelector("[data-second]").textContent = b.name;
    table.tBodies[0].replaceChildren(...found.map(([name, each]) => {
      const row = document.createElement("tr");
      row.className = name.endsWith("_avg") ? "average" : "";
      cell(row, title(name), "th");
      for (const side of each.sides) cell(row, side ? spelled(side) : "not run");
      const clear = each.low > 0 ? "more" : each.low !== null && each.high < 0 ? "less" : "";
      if (clear) cell(row, "").appendChild(Object.assign(document.createElement("span"), { className: clear, textContent: said(each.mean) }));
      else cell(row, each.mean === undefined ? "–" : said(each.mean));
      cell(row, each.mean === undefined ? "" : each.low === null ? "one seed" : `${said(each.low)} to ${said(each.high)} (${each.n})`);
      if (each.mean !== undefined) bar(row, each, reach);
      return row;
    }));
    const [name, each] = found[0];
    const word = each.mean === undefined || each.low === null ? "no interval without two common seeds" :
      each.low > 0 ? "the interval lies above zero" : each.high < 0 ? "the interval lies below zero" : "the interval holds zero";
    document.getElementById("verdict").textContent = a === b ? "Choose two different recipes." :
      `${title(name)}: ${a.name} minus ${b.name} is ${each.mean === undefined ? "–" : said(each.mean)}; ${word}.`;
    document.getElementById("difference").hidden = false;
  };
  track.addEventListener("change", () => { fill(); show(); });
  for (const each of [first, second]) each.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  fill();
  if (tracks[0].rows.length) show();
}

document.addEventListener("DOMContentLoaded", () => {
  schemeButton();
  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  const [rows, pair] = ["filter", "compare"].map((id) => document.getElementById(id));
  if (rows) filter(rows);
  if (pair) compare(pair);
});
