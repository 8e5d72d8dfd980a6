// Collects what a person says of each pair, and saves it as a file. Nothing is sent anywhere.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const pairs = [...document.querySelectorAll(".pair")];
  const pairsHash = document.body.dataset.pairsHash;
  const claimsOf = (pair) => [...pair.querySelectorAll("fieldset")];
  const chosenIn = (claim) => claim.querySelector("input:checked");

  function collect() {
    const verdicts = Object.fromEntries(pairs.flatMap((pair) => {
      const given = claimsOf(pair).filter(chosenIn);
      if (!given.length) return [];
      const answers = given.map((claim) => [claim.dataset.claim, chosenIn(claim).value]);
      return [[pair.dataset.pair, Object.fromEntries(answers)]];
    }));
    return JSON.stringify({ schema: 1, pairs_hash: pairsHash, verdicts }, null, 1) + "\n";
  }

  function show() {
    for (const pair of pairs) pair.classList.toggle("done", claimsOf(pair).every(chosenIn));
    const done = pairs.filter((pair) => pair.classList.contains("done")).length;
    byId("progress").textContent = `${done} of ${pairs.length} pairs are done.`;
    byId("text").value = collect();
  }

  function restore(text) {
    const { pairs_hash: hash, verdicts } = JSON.parse(text);
    if (hash !== pairsHash) throw new Error("these verdicts are on other pairs");
    for (const pair of pairs) {
      const given = verdicts[pair.dataset.pair] ?? {};
      for (const claim of claimsOf(pair)) {
        for (const input of claim.querySelectorAll("input")) {
          input.checked = input.value === given[claim.dataset.claim];
        }
      }
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.type === "radio") show();
  });
  byId("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([collect()], { type: "application/json" }));
    link.download = "verdicts.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  byId("load").addEventListener("click", () => {
    try {
      restore(byId("text").value);
      byId("loaded").textContent = "Taken.";
    } catch (error) {
      byId("loaded").textContent = `Not taken: ${error.message}.`;
      return;
    }
    show();
  });
  show();
})();
