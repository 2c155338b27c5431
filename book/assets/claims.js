// The scorecard: an address such as #claim-F3-bump opens its line, and filters hide lines.
// What is filtered stands in the address, too: scorecard.html?verdict=contradicted.
addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector(".claim-filters");
  const claims = [...document.querySelectorAll("details.claim")];

  function filter() {
    const asked = [...new FormData(form)].filter(([, value]) => value);
    for (const claim of claims) {
      claim.hidden = asked.some(([name, value]) => !claim.dataset[name].split(" ").includes(value));
    }
    const shown = claims.filter((claim) => !claim.hidden).length;
    form.querySelector("output").textContent = `${shown} of ${claims.length} claims`;
    const query = new URLSearchParams(asked).toString();
    const address = (query ? `?${query}` : location.pathname) + location.hash;
    try {
      history.replaceState(null, "", address);
    } catch {
      // Some browsers keep the address of a file as it is.
    }
  }

  function open() {
    const claim = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details.claim");
    if (!claim) return;
    if (claim.hidden) form.reset();
    claim.open = true;
    claim.firstElementChild.scrollIntoView({ block: "center" });
    claim.firstElementChild.focus({ preventScroll: true });
  }

  if (form) {
    form.hidden = false;
    for (const [name, value] of new URLSearchParams(location.search)) {
      if (form.elements[name]) form.elements[name].value = value;
    }
    form.addEventListener("input", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    filter();
    addEventListener("hashchange", open);
    open();
  }
});
