// Comfort only: the page is complete without it. Tables sort, figures enlarge, the contents mark where one is.
"use strict";
(() => {
  const withheld = Number.NaN;

  // The value by which a cell sorts: the number that the page gave it, the first number in it, or its text.
  const sortKey = (cell) => {
    if (!cell) return "";
    const given = cell.dataset.value ?? cell.textContent.trim();
    const number = /^[+-]?[\d,]*\.?\d+(e[+-]?\d+)?/i.exec(given);
    if (number) return Number(number[0].replaceAll(",", ""));
    return ["", "-", "insufficient", "not measured", "not compared"].includes(given) ? withheld : given;
  };

  const compare = (first, second) => {
    if (typeof first === "number" && typeof second === "number") return first - second;
    return String(first).localeCompare(String(second), "en", { numeric: true });
  };

  const sortBody = (body, column, direction) => {
    const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
    const keyed = rows.map((row) => [sortKey(row.cells[column]), row]);
    const missing = (key) => typeof key === "number" && Number.isNaN(key);
    keyed.sort(([first], [second]) => {
      if (missing(first) || missing(second)) return missing(first) - missing(second);
      return direction * compare(first, second);
    });
    body.append(...keyed.map(([, row]) => row));
  };

  const makeSortable = (table) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const rising = heading.getAttribute("aria-sort") !== "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
        [...table.tBodies].forEach((body) => sortBody(body, column, rising ? 1 : -1));
      });
    });
  };

  // One dialog for all figures: the picture moves into it and back to its place.
  const viewer = document.getElementById("viewer");
  const stage = viewer.querySelector(".stage");
  let home = null;
  const zooms = [1, 1.5, 2, 3];
  let zoom = 0;
  const setZoom = (place) => {
    zoom = Math.max(0, Math.min(zooms.length - 1, place));
    stage.firstElementChild?.style.setProperty("width", `${100 * zooms[zoom]}%`);
  };
  viewer.querySelector(".larger").addEventListener("click", () => setZoom(zoom + 1));
  viewer.querySelector(".smaller").addEventListener("click", () => setZoom(zoom - 1));
  viewer.addEventListener("close", () => {
    const picture = stage.firstElementChild;
    picture?.style.removeProperty("width");
    if (picture && home) home.append(picture);
    home = null;
  });
  const makeZoomable = (figure) => {
    const place = figure.querySelector(".scroll");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "Enlarge";
    button.addEventListener("click", () => {
      home = place;
      stage.replaceChildren(place.firstElementChild);
      viewer.querySelector("h2").textContent = figure.querySelector("svg, .stage svg")?.ariaLabel
        ?? stage.firstElementChild.getAttribute("aria-label");
      viewer.showModal();
      setZoom(0);
    });
    figure.querySelector("figcaption").append(" ", button);
  };

  // A table of contents that is open on a small screen covers the page: it closes once used.
  const contents = document.querySelector(".contents");
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a")) contents.open = false;
  });
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver(
    (entries) => {
      const entered = entries.find((entry) => entry.isIntersecting);
      if (!entered) return;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entered.target.id)?.setAttribute("aria-current", "true");
    },
    { rootMargin: "-10% 0px -80% 0px" },
  );
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));

  document.querySelectorAll("main table").forEach(makeSortable);
  document.querySelectorAll("figure").forEach(makeZoomable);
})();
