// Lists, filters and shows the items of a run, whose data are script files beside the page.
// Everything that a model, a data set or a file name says is put in as text.
"use strict";

(() => {
  const pageSize = 100;
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const byId = (id) => document.getElementById(id);
  const [filters, search, status, list, detail] =
    ["filters", "search", "shown", "list", "detail"].map(byId);
  const columnTitles = {
    strict: "Strict", official: "Official", outcome: "Outcome", status: "Status",
    subtask: "Subtask", gold: "Right answer", answer: "Answer", flipped: "Flipped",
    judgement: "Judgement", verdict: "Verdict",
    "other.answer": "Answer of the other", "other.strict": "The other, strict",
  };
  const notFilters = new Set(["gold", "answer", "other.answer"]);
  const ratings = ["cue_overlap", "label_consistency", "cue_association", "no_hallucinated_cues", "verdict"];
  const listed = ["gold", "answer", "strict", "other.answer", "other.strict", "judgement", ...ratings];

  // ---- Data: scripts that call receive ----

  const received = new Map();
  const requested = new Map();
  window.emorealRun = Object.freeze({
    receive(name, data) { received.set(name, data); },
  });

  function load(name, address) {
    if (!requested.has(name)) {
      requested.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = address;
        script.onload = () => {
          script.remove();
          if (received.has(name)) resolve(received.get(name));
          else reject(new Error(`${address} does not hold what it should.`));
        };
        script.onerror = () => {
          script.remove();
          requested.delete(name);
          reject(new Error(`${address} cannot be read. Is the whole folder there?`));
        };
        document.head.append(script);
      }));
    }
    return requested.get(name);
  }

  const chunkFile = (folder, number) => `${folder}/${String(number).padStart(6, "0")}.js`;

  async function loadPart(folder, position) {
    const number = Math.floor(position / index.chunk);
    const chunk = await load(`${folder} ${number}`, chunkFile(folder, number));
    return chunk[position % index.chunk];
  }

  // ---- Elements ----

  // Controls and characters that reorder text are shown, not obeyed.
  const visible = (text) => String(text)
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (one) => String.fromCharCode(0x2400 + one.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
      (one) => `\u27e8U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);

  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  // A name with a place to break after each of its parts.
  function breakable(text) {
    const parts = element("span");
    for (const part of visible(text).split(/(?<=[_/.])/)) parts.append(part, document.createElement("wbr"));
    return parts;
  }

  function drawing(tag, properties, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function table(headings, rows) {
    return element("table", {},
      element("thead", {}, element("tr", {}, ...headings.map((one) => element("th", { scope: "col" }, one)))),
      element("tbody", {}, ...rows.map((cells) => element("tr", {},
        ...cells.map((cell, place) => (place ? element("td", {}, cell) : element("th", { scope: "row" }, cell)))))));
  }

  const words = (name) => visible(name.replace(/^data\./, "").replaceAll("_", " "));
  const titleOf = (name) => columnTitles[name] ?? words(name).replace(/^./, (one) => one.toUpperCase());
  const verdict = (value) => (value === "right" || value === "wrong"
    ? element("span", { class: value }, value) : visible(value));

  // ---- The view: filters, place in the list, chosen item; kept in the address ----

  let index = null;
  const columns = new Map();
  let wanted = new Map();
  let page = 0;
  let chosen = null;
  let matching = [];

  const valueOf = (name, position) => {
    const column = columns.get(name);
    return column ? column.values[digits.indexOf(column.codes[position])] : "";
  };

  function link(changes = {}) {
    const view = new URLSearchParams();
    for (const [name, value] of wanted) view.append(name, value);
    if (search.value) view.set("find", search.value);
    if (page) view.set("page", String(page + 1));
    const item = "item" in changes ? changes.item : chosen;
    if (item !== null) view.set("item", index.ids[item]);
    return `#${view}`;
  }

  function readLink() {
    const view = new URLSearchParams(location.hash.slice(1));
    wanted = new Map([...view].filter(([name, value]) => columns.get(name)?.values.includes(value)));
    search.value = view.get("find") ?? "";
    page = Math.max(0, Number.parseInt(view.get("page") ?? "1", 10) - 1 || 0);
    const position = view.has("item") ? index.ids.indexOf(view.get("item")) : -1;
    chosen = position < 0 ? null : position;
  }

  // The questions and replies of an item, from the chunk that holds them.
  async function loadTexts(position) {
    const number = Math.floor(position / index.text_chunk);
    const chunk = await load(`texts ${number}`, chunkFile("texts", number));
    return (name, place) => chunk.texts[chunk[name][place % index.text_chunk]] ?? "";
  }

  // A search in texts loads them chunk by chunk; a newer one ends it.
  let turn = 0;
  async function findMatching() {
    turn += 1;
    const own = turn;
    const tests = [...wanted].map(([name, value]) => {
      const column = columns.get(name);
      return [column.codes, digits[column.values.indexOf(value)]];
    });
    const text = search.value.trim().toLowerCase();
    const passing = [];
    for (let position = 0; position < index.ids.length; position += 1) {
      if (tests.every(([codes, code]) => codes[position] === code)) passing.push(position);
    }
    if (!text) {
      matching = passing;
    } else {
      const found = [];
      let chunk = -1;
      let said = null;
      let known = new Map();
      const holds = (name, position) => {
        const words = said(name, position);
        if (!known.has(words)) known.set(words, words.toLowerCase().includes(text));
        return known.get(words);
      };
      for (const position of passing) {
        if (Math.floor(position / index.text_chunk) !== chunk) {
          chunk = Math.floor(position / index.text_chunk);
          said = await loadTexts(position);
          if (own !== turn) return false;
          known = new Map();
          status.textContent = `Searching: item ${position.toLocaleString("en")} of ${index.ids.length.toLocaleString("en")}`;
        }
        if (index.ids[position].toLowerCase().includes(text) || holds("question", position)
          || holds("reply", position) || (index.other && holds("other", position))) found.push(position);
      }
      matching = found;
    }
    page = Math.min(page, Math.max(0, Math.ceil(matching.length / pageSize) - 1));
    return true;
  }

  // ---- The list ----

  async function showQuestions(own, shown) {
    for (const position of shown) {
      const said = await loadTexts(position);
      if (own !== turn) return;
      const cell = byId(`question-${position}`);
      if (cell) cell.textContent = visible(said("question", position));
    }
  }

  function listCell(name, position) {
    return element("td", { "data-label": titleOf(name) }, verdict(valueOf(name, position)));
  }

  function showList() {
    const shown = matching.slice(page * pageSize, (page + 1) * pageSize);
    // A column in which all items are alike says nothing.
    const names = listed.filter((name) => columns.has(name)
      && (columns.get(name).values.length > 1 || ["strict", "other.strict", "judgement", ...ratings].includes(name))
      && !(columns.get(name).values.length === 1 && columns.get(name).values[0] === "not scored"));
    list.tHead.rows[0].replaceChildren(
      ...["Item", ...names.map(titleOf)].map((name) => element("th", { scope: "col" }, name)));
    list.tBodies[0].replaceChildren(...shown.map((position) => element("tr",
      position === chosen ? { "aria-current": "true" } : {},
      element("th", { scope: "row", class: "name" },
        element("a", { href: link({ item: position }) }, breakable(index.ids[position])),
        element("span", { class: "asked", id: `question-${position}`, dir: "auto" }),
        element("small", {}, words(valueOf("subtask", position)))),
      ...names.map((name) => listCell(name, position)))));
    const total = index.ids.length.toLocaleString("en");
    status.textContent = `${matching.length.toLocaleString("en")} of ${total} items`;
    const first = matching.length ? page * pageSize + 1 : 0;
    byId("place").textContent =
      `${first.toLocaleString("en")}\u2013${(page * pageSize + shown.length).toLocaleString("en")}`;
    byId("earlier").disabled = page === 0;
    byId("later").disabled = (page + 1) * pageSize >= matching.length;
    showQuestions(turn, shown).catch((error) => { status.textContent = error.message; });
  }

  function showFilters() {
    for (const select of filters.querySelectorAll("select")) select.value = wanted.get(select.name) ?? "";
  }

  async function refresh() {
    showFilters();
    history.replaceState(null, "", link());
    try {
      if (await findMatching()) showList();
    } catch (error) {
      status.textContent = error.message;
    }
  }

  function addFilters() {
    for (const [name, column] of columns) {
      if (notFilters.has(name) || column.values.length < 2 || (name === "data.reply" && index.judged)) continue;
      const select = element("select", { name, id: `filter-${name}` },
        element("option", { value: "" }, "all"),
        ...[...column.values].sort().filter((value) => value !== "")
          .map((value) => element("option", { value }, words(value))));
      select.addEventListener("change", () => {
        if (select.value) wanted.set(name, select.value);
        else wanted.delete(name);
        page = 0;
        refresh();
      });
      byId("reset").before(element("div", { class: "field" },
        element("label", { for: select.id }, titleOf(name)), select));
    }
  }

  // The counts of flips choose them.
  function addFlips() {
    for (const entry of document.querySelectorAll("#flips li")) {
      const button = element("button", { type: "button" }, ...entry.childNodes);
      button.addEventListener("click", () => {
        wanted.set("flipped", entry.dataset.flip);
        page = 0;
        refresh();
      });
      entry.replaceChildren(button);
    }
  }

  // ---- One item ----

  const loudness = (level) => (level > 0 ? `${number(20 * Math.log10(level))} dBFS` : "silent");
  const number = (value, places = 1) => Number(value).toLocaleString("en", { maximumFractionDigits: places });

  function clipParts(clip) {
    const parts = [element("h4", {}, "Clip")];
    if (!clip || (!clip.video && !clip.audio)) {
      parts.push(element("p", { class: "quiet" }, index.has_clips ? "There is no clip file at the place where this page looks for it."
        : "This page was written without clips."));
    }
    if (clip?.video) parts.push(...player(clip));
    if (clip?.audio) parts.push(element("audio", { controls: "", preload: "none", src: clip.audio, "aria-label": "Sound of the clip" }));
    if (clip?.problem) parts.push(element("p", { class: "quiet" }, visible(`It cannot be decoded: ${clip.problem}.`)));
    if (clip?.stills) {
      const times = clip.times.length ? ` at ${clip.times.map((time) => number(time, 2)).join(", ")} s` : "";
      parts.push(element("h4", {}, `${index.imported ? "Frames of the clip" : "Frames asked for"}${times}`),
        element("img", { src: clip.stills, alt: `${clip.times.length} frames of the clip, first to last` }));
    }
    if (clip?.envelope) parts.push(...waveParts(clip));
    for (const note of clip?.notes ?? []) parts.push(element("p", { class: "quiet" }, visible(note)));
    return parts;
  }

  // A browser that lacks a codec shows a black box, or plays the sound alone; then the frames
  // that were sampled stand in its place.
  function player(clip) {
    const video = element("video", { controls: "", preload: "metadata", src: clip.video, "aria-label": "Clip" });
    const note = element("p", { class: "caution unplayable" });
    note.hidden = true;
    const explain = (why) => {
      const frames = clip.stills ? `the frames below are ${index.imported ? "some of it" : "those that the model was given"}`
        : "write the page with more --stills to see the frames of this clip";
      note.textContent = `This browser cannot show the picture of this clip (${visible(decodeURIComponent(clip.video).split("/").pop())}): ${why}; ${frames}.`;
      note.hidden = false;
      video.hidden = true;
    };
    // Of a file on disk a browser does not say which of the two it was.
    video.addEventListener("error", () => explain("it does not know its codec or its container, or the file is no longer there"));
    video.addEventListener("loadedmetadata", () => {
      if (video.videoWidth) return;
      explain("it plays the sound, but does not know the codec of the picture");
      note.after(element("audio", { controls: "", preload: "none", src: clip.video, "aria-label": "Sound of the clip" }));
    });
    return [video, note];
  }

  function waveParts(clip) {
    const peak = clip.peak > 0 ? `the loudest sample has ${loudness(clip.peak)}` : "it is silent";
    const scale = clip.peak > 0 && clip.peak < 0.5 ? `, drawn ${number(1 / clip.peak, 1)} times as tall` : "";
    return [element("h4", {}, `${index.imported ? "Sound of the clip" : "Sound asked for"}, of ${number(clip.duration, 2)} s`), wave(clip.envelope),
      element("p", { class: "quiet scale" }, `Scaled to its peak: ${peak}${scale}.`)];
  }

  function wave(loudness) {
    const path = loudness.map((value, x) => `M${x} ${100 - value}V${100 + Math.max(value, 1)}`).join("");
    return drawing("svg", {
      class: "wave", viewBox: `0 0 ${loudness.length} 200`, preserveAspectRatio: "none",
      role: "img", "aria-label": "Loudness of the sound over time",
    }, drawing("path", { d: path }));
  }

  function replyParts(title, reply) {
    const parts = [element("h4", {}, title)];
    parts.push(reply.text ? element("pre", { class: "said", dir: "auto" }, visible(reply.text))
      : element("p", { class: "quiet" }, "No words came back."));
    if (reply.detail) parts.push(element("p", {}, visible(`${reply.status}: ${reply.detail}`)));
    if (reply.readings.length) {
      parts.push(element("h4", {}, "How each scoring reads it"), table(["Scoring", "Outcome", "Answer", "Counts as"],
        reply.readings.map((one) => [one.scoring, one.outcome, visible(one.answer ?? "\u2013"), verdict(one.correct ? "right" : "wrong")])));
    }
    if (reply.probabilities) {
      const rows = Object.entries(reply.probabilities).map(([letter, share]) => [
        visible(letter), `${number(100 * share)} %`,
        drawing("svg", { class: "probability", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          drawing("rect", { width: String(100 * share), height: "8" }))]);
      parts.push(element("h4", {}, "Probability of each option"), table(["Option", "Probability", ""], rows));
      if (reply.mass !== null) parts.push(element("p", { class: "quiet" }, `The options have ${number(100 * reply.mass)} % of all probability.`));
    }
    parts.push(element("h4", {}, "What reached the model"), ...deliveredParts(reply));
    return element("div", {}, ...parts);
  }

  function deliveredParts(reply) {
    const got = reply.delivered;
    if (got === null) {
      return [element("p", { class: "quiet" }, "The reply was imported, so nobody here knows what reached the model, how it was asked, and how long it took.")];
    }
    const facts = [["Status", reply.status], ["Frames", number(got.frames)],
      ["Seconds of sound", number(got.audio_seconds, 2)],
      ...(got.audio_level === null ? [] : [["Loudness of the sound", loudness(got.audio_level)]]),
      ...Object.entries(got.tokens).map(([kind, count]) => [`Tokens of ${kind}`, number(count)]),
      ["Seconds of the model", number(got.seconds, 3)], ["Times asked", number(got.attempts)]];
    if (got.cost !== null) facts.push(["Cost in US dollars", number(got.cost, 6)]);
    if (got.input_hash) facts.push(["Hash of the input", got.input_hash.slice(0, 12)]);
    facts.push(...got.notes.map((note) => ["Note", note]));
    return [table(["What", "How much"], facts.map(([name, value]) => [name, visible(value)]))];
  }

  function neighbours(position) {
    const place = matching.indexOf(position);
    const step = (label, target) => {
      const button = element("button", { type: "button" }, label);
      button.disabled = target === undefined;
      button.addEventListener("click", () => { location.hash = link({ item: target }); });
      return button;
    };
    return element("div", {}, step("Previous", place > 0 ? matching[place - 1] : undefined), " ",
      step("Next", place < 0 ? undefined : matching[place + 1]));
  }

  function sameClip(position) {
    const others = [];
    index.clips.forEach((clip, other) => {
      if (clip === index.clips[position] && other !== position) others.push(other);
    });
    if (!others.length) return [];
    return [element("h4", {}, "Other questions about this clip"), element("ul", {}, ...others.map((other) =>
      element("li", {}, element("a", { href: link({ item: other }) }, visible(index.ids[other])), " ",
        verdict(valueOf("strict", other)))))];
  }

  function showItem(position, item, clip) {
    const metadata = Object.entries(item.metadata).filter(([name]) => !(item.judgement && name === "reply")).map(([name, value]) => `${words(name)}: ${visible(value)}`);
    const options = item.choices.map((choice) => {
      const isRight = choice.replace(/^\s*\(?/, "").toUpperCase().startsWith(item.gold.toUpperCase());
      return element("li", isRight ? { class: "gold" } : {}, visible(choice), isRight ? " \u2190 right answer" : null);
    });
    const judgement = item.judgement ? [element("h4", {}, "How the judgement is read"),
      Object.keys(item.judgement.ratings).length
        ? table(["What", "Rating"], Object.entries(item.judgement.ratings).map(([name, value]) => [words(name), visible(value)]))
        : element("p", {}, `No rating: the judge's reply is ${visible(item.judgement.outcome)}.`)] : [];
    const judged = item.judgement && item.metadata.reply !== undefined ? [
      element("h4", {}, "Reply that was judged"),
      element("pre", { class: "said", dir: "auto" }, visible(item.metadata.reply))] : [];
    const asked = (words) => index.order.map((part) => (part === "text" ? words : `[${part}]`)).join("\n");
    const examples = index.examples[valueOf("subtask", position)]
      || [];
    const prompt = [
      ...(index.system ? [`[system] ${index.system}`] : []),
      ...examples.map((one) => `${asked(one.question)}\n[assistant] ${one.answer}`),
      asked(item.prompt),
    ].join("\n\n");
    const sent = item.prompt === null ? []
      : [element("h4", {}, "Prompt as sent"), element("pre", { class: "said", dir: "auto" }, visible(prompt))];
    detail.replaceChildren(
      element("div", { class: "item-head" }, element("h3", {}, visible(item.id)), neighbours(position)),
      element("p", { class: "quiet" }, [words(valueOf("subtask", position)), `clip ${visible(item.clip)}`, ...metadata].join(" \u00b7 ")),
      element("p", { class: "question", dir: "auto" }, visible(item.question)),
      options.length ? element("ul", { class: "options" }, ...options)
        : element("p", {}, `${item.judgement ? "Reference" : "Right answer"}: ${visible(item.gold)}`),
      ...judged, ...judgement,
      ...(item.judgement && !clip ? [] : clipParts(clip)),
      element("div", { class: "replies" },
        replyParts(item.other ? `Reply of ${index.model}` : (item.judgement ? "What the judge wrote" : "Reply"), item.reply),
        item.other ? replyParts(`Reply of ${index.other}`, item.other) : null),
      ...sent,
      ...sameClip(position),
    );
  }

  async function openChosen(takeFocus) {
    if (chosen === null) return;
    const position = chosen;
    try {
      const item = await loadPart("items", position);
      const clip = index.has_clips ? await loadPart("clips", index.clips[position]) : null;
      if (position !== chosen) return;
      showItem(position, item, clip);
    } catch (error) {
      detail.replaceChildren(element("p", { class: "caution" }, visible(error.message)));
    }
    if (takeFocus) {
      detail.focus({ preventScroll: true });
      detail.scrollIntoView({ block: "start" });
    }
  }

  // ---- Start ----

  async function start() {
    byId("unscripted").hidden = true;
    try {
      index = await load("index", "items/index.js");
    } catch (error) {
      byId("items").append(element("p", { class: "caution" }, visible(error.message)));
      return;
    }
    for (const column of index.columns) columns.set(column.name, column);
    addFilters();
    search.addEventListener("input", () => { page = 0; refresh(); });
    byId("reset").addEventListener("click", () => { wanted = new Map(); search.value = ""; page = 0; refresh(); });
    byId("earlier").addEventListener("click", () => { page -= 1; refresh(); });
    byId("later").addEventListener("click", () => { page += 1; refresh(); });
    window.addEventListener("hashchange", () => {
      // An ordinary link to a heading leaves the view as it is.
      if (!location.hash.includes("=")) return;
      readLink();
      refresh();
      openChosen(true);
    });
    readLink();
    addFlips();
    if (search.value) status.textContent = "Searching";
    await refresh();
    filters.hidden = false;
    document.querySelector(".browser").hidden = false;
    if (chosen !== null) openChosen(true);
  }

  start();
})();
