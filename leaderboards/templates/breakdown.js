// Shows the confusion tables of one chosen model; the address of the page names it.
// The page is complete without it: it then shows those of all.
"use strict";

(() => {
  const chooser = document.getElementById("model");
  if (!chooser) return;
  const sections = [...document.querySelectorAll(".answers")];

  function show(id) {
    for (const section of sections) section.hidden = section.id !== id;
    chooser.value = id;
  }

  for (const section of sections) {
    const name = section.querySelector("h3").textContent.trim().replace(/\s+/g, " ");
    chooser.append(new Option(name, section.id));
  }

  function follow() {
    const id = location.hash.slice(1);
    if (!sections.some((section) => section.id === id)) return false;
    show(id);
    document.getElementById(id).scrollIntoView();
    return true;
  }

  document.querySelector(".jump").hidden = true;
  chooser.closest(".controls").hidden = false;
  chooser.addEventListener("change", () => {
    show(chooser.value);
    history.replaceState(null, "", `#${chooser.value}`);
  });
  window.addEventListener("hashchange", follow);
  if (!follow()) show(sections[0].id);
})();
