"use strict";
{
  const body = document.body;
  const live = document.getElementById("live");
  const TRIES = 4;
  const TRY_AGAIN_MS = 1500;
  const byId = (id) => document.getElementById(id);

  /** What goes on is told while this page is looked at; a hidden one holds no connection. */
  function follow() {
    let source = null;
    let failures = 0;
    let later = 0;
    const spoken = document.createElement("p");
    spoken.className = "unseen";
    spoken.setAttribute("role", "status");
    byId("content").append(spoken);
    const listen = () => {
      source?.close();
      source = null;
      clearTimeout(later);
      if (document.hidden) return;
      const query = new URLSearchParams({ phase: body.dataset.phase, here: body.dataset.here });
      source = new EventSource(`/events?${query}`);
      source.addEventListener("open", () => { failures = 0; byId("ended").hidden = true; });
      // Where nobody answers, this page says so: to load it again would lose it.
      source.addEventListener("error", () => {
        source.close();
        failures += 1;
        if (failures < TRIES) later = setTimeout(listen, TRY_AGAIN_MS);
        else byId("ended").hidden = false;
      });
      source.addEventListener("live", (event) => { if (live) live.innerHTML = event.data; });
      source.addEventListener("say", (event) => { spoken.textContent = event.data; });
      source.addEventListener("go", (event) => {
        source.close();
        if ("live" in body.dataset) location.replace(event.data);
        else {
          byId("moved").querySelector("a").href = event.data;
          byId("moved").hidden = false;
        }
      });
    };
    document.addEventListener("visibilitychange", listen);
    addEventListener("pagehide", () => source?.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    listen();
  }

  /** The titles that have these letters, as they are typed. */
  function offerSearch() {
    const form = byId("find");
    const rows = byId("rows");
    let asked = 0;
    const find = async () => {
      const number = ++asked;
      const query = new URLSearchParams(new FormData(form));
      const answer = await fetch(`/plan/rows?${query}`);
      if (number !== asked || !answer.ok) return;
      rows.innerHTML = await answer.text();
      byId("found").textContent = rows.firstElementChild.dataset.found;
      history.replaceState(null, "", `/plan?${query}`);
    };
    form.addEventListener("input", find);
    form.addEventListener("submit", (event) => { event.preventDefault(); find(); });
    /** The map of a title, below its row. */
    rows.addEventListener("click", async (event) => {
      const link = event.target.closest("a[data-map]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const row = link.closest("tr");
      const open = row.nextElementSibling;
      if (open?.classList.contains("opened")) {
        open.remove();
        link.setAttribute("aria-expanded", "false");
        return;
      }
      const answer = await fetch(`${link.getAttribute("href")}&part=map`);
      if (!answer.ok) { location.assign(link.href); return; }
      const below = document.createElement("tr");
      below.className = "opened";
      below.innerHTML = `<td colspan="5">${await answer.text()}</td>`;
      row.after(below);
      link.setAttribute("aria-expanded", "true");
    });
  }

  /** A file can be dropped; choosing it is enough. */
  function offerDrop() {
    const form = byId("drop");
    const file = byId("file");
    byId("drop-here").hidden = false;
    const send = () => {
      if (!file.files.length) return;
      form.classList.add("sending");
      form.querySelector("button").textContent = "Sending it ...";
      form.requestSubmit();
    };
    file.addEventListener("change", send);
    for (const name of ["dragenter", "dragover"]) {
      form.addEventListener(name, (event) => { event.preventDefault(); form.classList.add("aim"); });
    }
    form.addEventListener("dragleave", () => form.classList.remove("aim"));
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      form.classList.remove("aim");
      file.files = event.dataTransfer.files;
      send();
    });
  }

  /** Nothing is sent twice by an impatient finger. */
  function sendOnce() {
    addEventListener("submit", (event) => {
      const form = event.target;
      if (form.method !== "post") return;
      if ("sent" in form.dataset) event.preventDefault();
      else form.dataset.sent = "";
    });
  }

  follow();
  sendOnce();
  if (byId("find")) offerSearch();
  if (byId("drop")) offerDrop();
}
