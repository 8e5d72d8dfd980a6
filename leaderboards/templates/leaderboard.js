
// Adds sorting, filters, choice of columns and links to a view.
// The page is complete without it.
"use strict";

(() => {
  const controls = document.querySelector(".controls");
  const filter = document.getElementById("filter");
  const choices = [...controls.querySelectorAll("select[data-filter]")];
  const columnMenu = document.querySelector(".columns");
  const status = controls.querySelector("[role=status]");
  const tables = [...document.querySelectorAll("table.scores")];
  const alwaysShown = new Set(["model"]);

  // The view: which models and columns are shown, and how each table is sorted.
  let hiddenColumns = new Set();
  let sorts = new Map();

  const headers = (table) => [...table.querySelectorAll("thead th[data-column]")];
  const dataRows = (body) => [...body.rows].filter((row) => row.dataset.model !== undefined);

  // Each table as it was written.
  const initialSorts = new Map(tables.map((table) => {
    const header = headers(table).find((one) => one.hasAttribute("aria-sort"));
    return [table.id, { column: header?.dataset.column, direction: header?.getAttribute("aria-sort") }];
  }));

  function compareCells(first, second, direction) {
    const sign = direction === "ascending" ? 1 : -1;
    if (first.dataset.sort === undefined) {
      return sign * first.textContent.localeCompare(second.textContent);
    }
    // A row without the number stays last, whichever way the table is sorted.
    const missing = (first.dataset.sort === "") - (second.dataset.sort === "");
    return missing || sign * (Number(first.dataset.sort) - Number(second.dataset.sort));
  }

  function sortTable(table) {
    const { column, direction } = sorts.get(table.id) ?? initialSorts.get(table.id);
    const index = headers(table).findIndex((header) => header.dataset.column === column);
    if (index < 0) return;
    headers(table).forEach((header, position) => {
      if (position === index) header.setAttribute("aria-sort", direction);
      else header.removeAttribute("aria-sort");
    });
    for (const body of table.tBodies) {
      const rows = dataRows(body);
      rows.sort((a, b) => compareCells(a.cells[index], b.cells[index], direction));
      body.append(...rows);
    }
  }

  function showColumns(table) {
    const shown = headers(table).map((header) => !hiddenColumns.has(header.dataset.column));
    headers(table).forEach((header, index) => { header.hidden = !shown[index]; });
    for (const body of table.tBodies) {
      for (const row of dataRows(body)) {
        shown.forEach((visible, index) => { row.cells[index].hidden = !visible; });
      }
    }
    let position = 0;
    const columns = [...table.querySelectorAll("thead th[data-family]")];
    for (const family of table.querySelectorAll("thead .family")) {
      const members = columns.slice(position, position + Number(family.dataset.span));
      position += members.length;
      const count = members.filter((header) => !header.hidden).length;
      family.hidden = count === 0;
      family.colSpan = Math.max(1, count);
    }
  }

  function showModels() {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    let total = 0;
    for (const element of document.querySelectorAll("[data-model]")) {
      const matches = element.dataset.model.toLowerCase().includes(wanted)
        && choices.every((one) => !one.value || (element.dataset[one.dataset.filter] ?? one.value) === one.value);
      element.toggleAttribute("hidden", !matches);
      if (element.closest("table.scores")) {
        total += 1;
        shown += matches;
      }
    }
    status.textContent = shown < total ? `${shown} of ${total} rows shown` : `${total} rows`;
  }

  function applyView() {
    for (const table of tables) {
      sortTable(table);
      showColumns(table);
    }
    showModels();
    for (const box of columnMenu.querySelectorAll("input")) {
      box.checked = !hiddenColumns.has(box.value);
    }
  }

  function writeLink() {
    const view = new URLSearchParams();
    if (filter.value) view.set("filter", filter.value);
    for (const one of choices) if (one.value) view.set(one.id, one.value);
    for (const column of hiddenColumns) view.append("hide", column);
    for (const [table, { column, direction }] of sorts) {
      view.append("sort", [table, column, direction].join(" "));
    }
    history.replaceState(null, "", `#${view}`);
  }

  // Takes the view from the address; says whether there was one.
  function readLink() {
    const link = location.hash.slice(1);
    // A hash without "=" is an ordinary link to a heading and leaves the view as it is.
    if (!link.includes("=")) return false;
    const view = new URLSearchParams(link);
    filter.value = view.get("filter") ?? "";
    for (const one of choices) {
      const value = view.get(one.id) ?? "";
      one.value = [...one.options].some((option) => option.value === value) ? value : "";
    }
    hiddenColumns = new Set(view.getAll("hide").filter((column) => !alwaysShown.has(column)));
    sorts = new Map();
    for (const sort of view.getAll("sort")) {
      const [table, column, direction] = sort.split(" ");
      if (direction === "ascending" || direction === "descending") {
        sorts.set(table, { column, direction });
      }
    }
    return true;
  }

  function addSortButtons(table) {
    for (const header of headers(table)) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const opposite = { ascending: "descending", descending: "ascending" };
        const current = header.getAttribute("aria-sort");
        sorts.set(table.id, {
          column: header.dataset.column,
          direction: opposite[current] ?? header.dataset.first,
        });
        sortTable(table);
        writeLink();
      });
    }
  }

  function addColumnBoxes() {
    const seen = new Set(alwaysShown);
    for (const header of tables.flatMap(headers)) {
      const column = header.dataset.column;
      if (seen.has(column)) continue;
      seen.add(column);
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.value = column;
      const label = document.createElement("label");
      const name = header.textContent.trim();
      const family = header.dataset.family;
      label.append(box, family ? `${family}: ${name}` : name);
      columnMenu.querySelector("fieldset").append(label);
      box.addEventListener("change", () => {
        if (box.checked) hiddenColumns.delete(column);
        else hiddenColumns.add(column);
        tables.forEach(showColumns);
        writeLink();
      });
    }
  }

  // On a phone the headings, which sort, are not shown, nor at first all numbers.
  function addPhoneControls() {
    const order = document.getElementById("order");
    const seen = new Map();
    for (const header of tables.flatMap(headers)) {
      const name = [header.dataset.family, header.textContent.trim()].filter(Boolean).join(": ");
      if (!seen.has(header.dataset.column)) seen.set(header.dataset.column, [name, header.dataset.first]);
    }
    for (const [column, [name]] of seen) order.append(new Option(name, column));
    order.value = tables.length ? initialSorts.get(tables[0].id).column : "";
    order.addEventListener("change", () => {
      for (const table of tables) {
        sorts.set(table.id, { column: order.value, direction: seen.get(order.value)[1] });
        sortTable(table);
      }
      writeLink();
    });
    const all = document.getElementById("all");
    document.body.classList.add("brief");
    all.addEventListener("click", () => {
      const isBrief = document.body.classList.toggle("brief");
      all.setAttribute("aria-pressed", String(!isBrief));
    });
  }

  function addChoices(select) {
    const rows = [...document.querySelectorAll("table.scores [data-model]")];
    const values = [...new Set(rows.map((row) => row.dataset[select.dataset.filter]))].sort();
    for (const value of values) select.append(new Option(value, value));
    // A choice between one thing and all of it is none.
    select.hidden = select.labels[0].hidden = values.length < 2;
    select.addEventListener("change", () => {
      showModels();
      writeLink();
    });
  }

  addColumnBoxes();
  addPhoneControls();
  choices.forEach(addChoices);
  tables.forEach(addSortButtons);
  for (const family of document.querySelectorAll("thead .family")) {
    family.dataset.span = family.colSpan;
  }
  filter.addEventListener("input", () => {
    showModels();
    writeLink();
  });
  document.getElementById("reset").addEventListener("click", () => {
    filter.value = "";
    for (const one of choices) one.value = "";
    hiddenColumns = new Set();
    sorts = new Map();
    applyView();
    history.replaceState(null, "", location.pathname + location.search);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && columnMenu.open) {
      columnMenu.open = false;
      columnMenu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!columnMenu.contains(event.target)) columnMenu.open = false;
  });
  window.addEventListener("hashchange", () => { if (readLink()) applyView(); });
  if (readLink()) applyView();
  else showModels();
  controls.hidden = false;
})();
