"use strict";
{
  const root = document.documentElement;
  const map = document.getElementById("map");

  // The theme of the system, until the button says otherwise.
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
  theme.hidden = false;

  // On paper nothing can be opened.
  const closed = [];
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      details.open = true;
      closed.push(details);
    }
  });
  addEventListener("afterprint", () => {
    for (const details of closed.splice(0)) details.open = false;
  });

  if (map) {
    // What there is to say of a square, beside it: for the pointer and for the focus.
    const detail = document.getElementById("detail");
    const squareOf = (event) => event.target.closest?.(".season li");
    let shown = null;
    const show = (square) => {
      shown = square;
      detail.hidden = !square || square.closest(".show").querySelector(":checked") !== null;
      if (detail.hidden) return;
      detail.textContent = square.textContent;
      const why = square.closest(".season").querySelector(".why");
      if (why) detail.append(Object.assign(document.createElement("p"), { textContent: why.textContent }));
      const at = square.getBoundingClientRect();
      const box = detail.getBoundingClientRect();
      const left = Math.min(at.left, root.clientWidth - box.width - 8);
      const isBelow = at.bottom + box.height + 4 <= innerHeight || at.top < box.height + 4;
      detail.style.left = `${Math.max(8, left)}px`;
      detail.style.top = `${isBelow ? at.bottom + 3 : at.top - box.height - 3}px`;
    };
    const focused = () => {
      const square = document.activeElement.closest(".season li");
      return square && map.contains(square) ? square : null;
    };
    map.addEventListener("pointerover", (event) => {
      const square = squareOf(event);
      if (square) show(square);
    });
    // Whoever moves on to what is shown may read and copy it.
    for (const element of [map, detail]) {
      element.addEventListener("pointerout", (event) => {
        const to = event.relatedTarget;
        if (shown && !(to instanceof Element && (to === shown || detail.contains(to)))) show(focused());
      });
    }
    map.addEventListener("focusin", (event) => show(squareOf(event)));
    map.addEventListener("focusout", () => show(null));
    addEventListener("scroll", () => { if (shown) show(shown.matches(":hover") ? shown : focused()); }, { passive: true });
    addEventListener("keydown", (event) => { if (event.key === "Escape") show(null); });

    // One stop of the Tab key a show; the arrow keys walk on from there.
    for (const list of map.querySelectorAll(".season:first-child > ol")) {
      if (list.firstElementChild) list.firstElementChild.tabIndex = 0;
    }
    const enter = (square) => {
      for (const stop of square.closest(".show").querySelectorAll("li[tabindex]")) stop.tabIndex = -1;
      square.tabIndex = 0;
      const why = square.closest(".season").querySelector(".why");
      if (why) {
        why.id ||= `why-${++whys}`;
        square.setAttribute("aria-describedby", why.id);
      }
      square.focus();
    };
    let whys = 0;
    const inSeason = (square, step) => {
      const season = square.closest(".season");
      const other = step > 0 ? season.nextElementSibling : season.previousElementSibling;
      if (!other) return null;
      const index = [...square.parentElement.children].indexOf(square);
      const squares = other.querySelector("ol").children;
      return squares[Math.min(index, squares.length - 1)];
    };
    const moves = {
      ArrowRight: (square) => square.nextElementSibling,
      ArrowLeft: (square) => square.previousElementSibling,
      ArrowDown: (square) => inSeason(square, 1),
      ArrowUp: (square) => inSeason(square, -1),
      Home: (square) => square.parentElement.firstElementChild,
      End: (square) => square.parentElement.lastElementChild,
    };
    map.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const square = squareOf(event);
      if (!square || !Object.hasOwn(moves, event.key)) return;
      event.preventDefault();
      enter(moves[event.key](square) || square);
    });
    map.addEventListener("click", (event) => {
      const square = squareOf(event);
      if (square && !String(getSelection())) enter(square);
    });

    // The filter: a part of a title, whatever its accents, and a state.
    const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    const titled = (element, states) => ({
      element, states, title: plain(element.querySelector("bdi").textContent),
    });
    const shows = [...map.children].map((show) => titled(show, show.dataset.has));
    const films = [...document.querySelectorAll(".year li")].map((film) => titled(film, film.className));
    const years = [...document.querySelectorAll(".year")];
    const title = document.getElementById("filter-title");
    const state = document.getElementById("filter-state");
    const found = document.getElementById("filter-found");
    const keep = (items) => {
      const wanted = plain(title.value.trim());
      let count = 0;
      for (const item of items) {
        const fits = item.title.includes(wanted) && item.states.includes(state.value);
        if (item.element.hidden === fits) item.element.hidden = !fits;
        count += fits;
      }
      return `${count.toLocaleString("en")} of ${items.length.toLocaleString("en")}`;
    };
    const filter = () => {
      found.value = `${keep(shows)} shows, ${keep(films)} films`;
      for (const year of years) year.hidden = !year.querySelector("li:not([hidden])");
      map.dataset.state = state.value;
    };
    title.addEventListener("input", filter);
    state.addEventListener("change", filter);
    // A browser keeps what was entered over a reload.
    filter();
    document.getElementById("filter").hidden = false;
  }
}
