// A table that is wider than its page can be scrolled with the keys too.
document$.subscribe(() => {
  for (const around of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (around.scrollWidth > around.clientWidth) {
      around.tabIndex = 0;
      around.setAttribute("role", "group");
      around.setAttribute("aria-label", "Table");
    }
  }
});
