"use strict";
{
  const root = document.documentElement;
  const map = document.getElementById("map");
  const detail = document.getElementById("detail");

  /** The theme of the system, until the button says otherwise. */
  function offerThemes() {
    const button = document.getElementById("theme");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const name = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      name();
    });
    system.addEventListener("change", name);
    name();
    button.hidden = false;
  }

  /** On paper nothing can be opened. */
  function openForPaper() {
    const closed = [];
    addEventListener("beforeprint", () => {
      closed.push(...document.querySelectorAll("details:not([open])"));
      for (const details of closed) details.open = true;
    });
    addEventListener("afterprint", () => {
      for (const details of closed.splice(0)) details.open = false;
    });
  }

  const squareOf = (element) => element.closest?.(".season li");
  /** What several seasons share is said once, in an element that each of them names. */
  const reasonOf = (square) => {
    const season = square.closest(".season");
    return season.querySelector(".why") ?? document.getElementById(season.dataset.why);
  };

  /** Say beside a square all there is to say of it; as a list it says so itself. */
  function tell(square) {
    detail.hidden = !square || square.closest(".show").querySelector(":checked") !== null;
    if (detail.hidden) return;
    detail.textContent = square.textContent;
    const reason = document.createElement("p");
    reason.textContent = reasonOf(square)?.textContent ?? "";
    detail.append(reason);
    const at = square.getBoundingClientRect();
    const box = detail.getBoundingClientRect();
    const fitsBelow = at.bottom + box.height + 4 <= innerHeight;
    const fitsAbove = box.height + 4 <= at.top;
    detail.style.left = `${Math.max(8, Math.min(at.left, root.clientWidth - box.width - 8))}px`;
    detail.style.top = `${fitsBelow || !fitsAbove ? at.bottom + 3 : at.top - box.height - 3}px`;
  }

  /** Tell of the square under the pointer, else of the one that has the focus. */
  function followPointerAndFocus() {
    let pointed = null;
    const focused = () => squareOf(document.activeElement);
    map.addEventListener("pointerover", (event) => {
      const square = squareOf(event.target);
      if (square) tell(pointed = square);
    });
    const leave = (event) => {
      // Whoever moves on to what is told may read and copy it.
      const to = event.relatedTarget;
      if (!pointed || (to instanceof Element && (to === pointed || detail.contains(to)))) return;
      pointed = null;
      tell(focused());
    };
    map.addEventListener("pointerout", leave);
    detail.addEventListener("pointerout", leave);
    map.addEventListener("focusin", (event) => tell(squareOf(event.target)));
    map.addEventListener("focusout", () => tell(null));
    addEventListener("scroll", () => {
      if (!detail.hidden) tell(pointed?.matches(":hover") ? pointed : focused());
    }, { passive: true });
    addEventListener("keydown", (event) => { if (event.key === "Escape") tell(null); });
  }

  /** The square at the same place in the season before or after. */
  function inSeason(square, step) {
    const season = square.closest(".season");
    const other = step > 0 ? season.nextElementSibling : season.previousElementSibling;
    if (!other) return null;
    const index = [...square.parentElement.children].indexOf(square);
    const squares = other.querySelector("ol").children;
    return squares[Math.min(index, squares.length - 1)];
  }

  const moves = {
    ArrowRight: (square) => square.nextElementSibling,
    ArrowLeft: (square) => square.previousElementSibling,
    ArrowDown: (square) => inSeason(square, 1),
    ArrowUp: (square) => inSeason(square, -1),
    Home: (square) => square.parentElement.firstElementChild,
    End: (square) => square.parentElement.lastElementChild,
  };
  let reasons = 0;

  /** Give a square the focus, and with it the one stop that the Tab key makes in a show. */
  function enter(square) {
    for (const stop of square.closest(".show").querySelectorAll("li[tabindex]")) stop.tabIndex = -1;
    square.tabIndex = 0;
    const reason = reasonOf(square);
    if (reason) {
      reason.id ||= `reason-${++reasons}`;
      square.setAttribute("aria-describedby", reason.id);
    }
    square.focus();
  }

  /** The Tab key goes from show to show, the arrow keys through the squares of one. */
  function walkByKeys() {
    for (const square of map.querySelectorAll(".season:first-child > ol > :first-child")) {
      square.tabIndex = 0;
    }
    map.addEventListener("keydown", (event) => {
      const square = squareOf(event.target);
      const isPlain = !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);
      if (!square || !isPlain || !Object.hasOwn(moves, event.key)) return;
      event.preventDefault();
      enter(moves[event.key](square) ?? square);
    });
    map.addEventListener("click", (event) => {
      const square = squareOf(event.target);
      if (square && !String(getSelection())) enter(square);
    });
  }

  /** Show the titles alone that hold some letters, whatever their accents, and a state. */
  function offerFilter() {
    const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    const titled = (element, states) => ({
      element, states, title: plain(element.querySelector("bdi").textContent),
    });
    const shows = [...map.children].map((show) => titled(show, show.dataset.has));
    const films = [...document.querySelectorAll(".year li")].map((film) => titled(film, film.className));
    const years = document.querySelectorAll(".year");
    const [title, state, found] = ["title", "state", "found"].map((id) => document.getElementById(`filter-${id}`));
    const keep = (items) => {
      const letters = plain(title.value.trim());
      let count = 0;
      for (const { element, states, title: name } of items) {
        const fits = name.includes(letters) && states.includes(state.value);
        if (element.hidden === fits) element.hidden = !fits;
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

  offerThemes();
  openForPaper();
  if (map) {
    followPointerAndFocus();
    walkByKeys();
    offerFilter();
  }
}
