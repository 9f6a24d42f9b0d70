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
  const main = [...document.querySelectorAll(form.dataset.rows)];
  const apply = () => {
    const { text, kind = "", backbone = "" } = Object.fromEntries(new FormData(form));
    for (const row of rows) {
      row.hidden = !((form.dataset.whole ? row : row.querySelector("th")).textContent.toLowerCase().includes(text.trim().toLowerCase()) &&
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

// --- a picture as a file: in the light colours, which its page only names ---------------------------

function saveSvg(button) {
  const svg = button.closest("figure").querySelector("svg").cloneNode(true);
  svg.setAttribute("font-family", "sans-serif");
  const probe = document.createElement("span");
  probe.style.colorScheme = "light";
  document.body.append(probe);
  const text = new XMLSerializer().serializeToString(svg).replace(/var\(--[\w-]+\)/g, (name) => {
    probe.style.color = name;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  Object.assign(document.createElement("a"), { href: address, download: `${button.dataset.svg}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function pictureButtons() {
  for (const button of document.querySelectorAll("button[data-svg]")) {
    button.addEventListener("click", () => saveSvg(button));
    button.hidden = false;
  }
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

// The same comparison from the other side: signs and the two ends of the interval change places.
function turned([title, a, b, difference, interval, ...rest]) {
  const minus = (text) => (Number(text) === 0 ? text : (text.startsWith("-") ? "+" : "-") + text.slice(1));
  const [low, high] = interval.split(" to ");
  const word = rest.pop().replace(/better|worse/, (said) => (said === "better" ? "worse" : "better"));
  return [title, b, a, minus(difference), `${minus(high)} to ${minus(low)}`, ...rest, word];
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
    const has = (place) => `${first.value} ${place}` in pairs || `${place} ${first.value}` in pairs;
    fill(second, rows.map((_, place) => place).filter(has));
  };
  // The address says what is compared: compare.html?track=small&a=simcse-sup@mini&b=simcse-unsup@mini
  const asked = () => {
    const wanted = new URLSearchParams(location.search);
    const place = tracks.findIndex((each) => each.name === wanted.get("track"));
    track.value = place < 0 ? track.value : place;
    fill(first, Object.keys(tracks[track.value].rows));
    choose(first, wanted.get("a"));
    partners();
    choose(second, wanted.get("b"));
    show();
  };
  const choose = (select, row) => {
    const option = [...select.options].find((each) => each.text === row);
    if (option) option.selected = true;
  };
  const remember = () => {
    const { name, rows } = tracks[track.value];
    const address = new URLSearchParams({ track: name, a: rows[first.value] ?? "", b: rows[second.value] ?? "" });
    try { history.replaceState(null, "", `?${address}`); } catch { /* a browser may forbid it for files */ }
  };
  const show = () => {
    const { rows, pairs, averages } = tracks[track.value];
    const other = pairs[`${second.value} ${first.value}`];
    const lines = pairs[`${first.value} ${second.value}`] ?? other?.map(turned) ?? [];
    table.querySelector("[data-first]").textContent = rows[first.value] ?? "";
    table.querySelector("[data-second]").textContent = rows[second.value] ?? "";
    table.tBodies[0].replaceChildren(...lines.map((each) => line(each, averages)));
    const [[title, , , difference, interval] = []] = lines;
    document.getElementById("verdict").textContent = lines.length
      ? `${title}: ${rows[first.value]} minus ${rows[second.value]} is ${difference} (${interval}): ${lines[0].at(-1)}.` : "";
    document.getElementById("difference").hidden = !lines.length;
  };
  const start = () => { fill(first, Object.keys(tracks[track.value].rows)); partners(); show(); };
  track.addEventListener("change", () => { start(); remember(); });
  first.addEventListener("change", () => { partners(); show(); remember(); });
  second.addEventListener("change", () => { show(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  asked();
}

document.addEventListener("DOMContentLoaded", () => {
  schemeButton();
  pictureButtons();
  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  const [rows, pair] = ["filter", "compare"].map((id) => document.getElementById(id));
  if (rows) filter(rows);
  if (pair) compare(pair);
});
