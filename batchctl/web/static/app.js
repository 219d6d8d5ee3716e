// What the pages do beyond HTML: they stay fresh, follow a log, and answer while one types. Without it they work all the same.
const $ = (what, where = document) => where.querySelector(what);
const all = (what, where = document) => [...where.querySelectorAll(what)];
const main = $("main");

// The server says times in the browser's zone too, once it knows it.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
const told = document.cookie.includes(`zone=${encodeURIComponent(zone)}`);
if (zone && !told) document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; SameSite=Strict`;

// Make one node what another one is, touching only what differs: focus, scroll and open details stay.
function morph(old, made) {
  if (old.nodeType !== made.nodeType || old.nodeName !== made.nodeName || old.dataset?.job !== made.dataset?.job)
    return old.replaceWith(made);
  if (old.nodeType !== 1) { if (old.data !== made.data) old.data = made.data; return; }
  if (old.isEqualNode(made) || old.id === "log") return;
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of made.attributes)
    if (old.getAttribute(name) !== value && !(name === "open" && old.localName === "details")) old.setAttribute(name, value);
  if (/^(input|textarea|select)$/.test(old.localName)) return;
  const jobs = new Map(all(":scope > [data-job]", old).map((node) => [node.dataset.job, node]));
  const wanted = [...made.childNodes];
  wanted.forEach((child, place) => {
    const there = old.childNodes[place], same = child.dataset?.job && jobs.get(child.dataset.job);
    if (same && same !== there) old.insertBefore(same, there ?? null);
    const now = old.childNodes[place];
    if (now) morph(now, child); else old.append(child);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

const lost = (yes) => { const node = $("#lost"); if (node) node.hidden = !yes; };
const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

let tag = "", busy = false, again = false;
async function refresh() {
  if (busy) return void (again = true);
  busy = true;
  try {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch(location.href, { headers, cache: "no-store", signal: AbortSignal.timeout(20000) });
    if (answer.redirected && answer.url.includes("/login")) return void (location.href = answer.url);
    if (answer.status !== 304) take(answer, parsed(await answer.text()));
    lost(false);
  } catch { lost(true); } finally { busy = false; }
  if (again) { again = false; refresh(); }
}
function take(answer, made) {
  tag = answer.headers.get("ETag") || "";
  const said = $("#said");
  const fresh = $("main", made);
  if (!fresh) return;
  // What was said stays until the next thing is.
  if (said && !said.hidden && $("#said", made)?.hidden) $("#said", made).replaceWith(said.cloneNode(true));
  morph(main, fresh);
  document.title = made.title;
}

// Live: one stream at most, none while nobody looks; where there is none, ask every few seconds.
if (main.hasAttribute("data-live")) {
  let stream = null, timer = 0, soon = 0;
  const later = () => { clearTimeout(soon); soon = setTimeout(refresh, 150); };
  const begin = () => {
    if (document.hidden || timer) return;
    refresh();
    timer = setInterval(refresh, 15000);
    if (!window.EventSource) return;
    stream = new EventSource("/scheduler/events");
    stream.onmessage = later;
    stream.addEventListener("change", later);
    stream.onerror = () => { if (stream?.readyState === 2) { stream = null; clearInterval(timer); timer = setInterval(refresh, 5000); } };
  };
  const end = () => { stream?.close(); stream = null; clearInterval(timer); timer = 0; };
  document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin()));
  addEventListener("pagehide", end);
  addEventListener("pageshow", begin);
  addEventListener("online", refresh);
  begin();
  if (zone && !told) refresh();
}

// A button of a card acts in its place; wherever that fails the form is sent as it would be without this.
document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (!form.closest("[data-live]") || form.method !== "post") return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(button?.formAction || form.action, { method: "POST", body });
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) return void (location.href = answer.url);
    const said = $("#said");
    if (said) said.hidden = true;
    const made = parsed(await answer.text());
    all("details.sure[open]").forEach((each) => each.removeAttribute("open"));
    if (answer.ok) take(answer, made); else document.body.replaceWith(made.body);
    $("#said")?.scrollIntoView({ block: "nearest" });
  } catch { lost(true); } finally { button?.removeAttribute("aria-busy"); }
});
// Only one question is asked at a time, and Escape takes it back.
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.sure[open]")) all("details.sure[open]").forEach((each) => each !== event.target && each.removeAttribute("open"));
}, true);
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && $("details.sure[open]");
  if (open) { open.removeAttribute("open"); $("summary", open).focus(); }
});

// A log that is being written.
const log = $("#log");
if (log?.dataset.follow) {
  const live = $("#live"), MOST = 1 << 20;
  const bottom = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
  live.hidden = false;
  let wait = 1000;
  const look = async () => {
    if (document.hidden) return setTimeout(look, 1000);
    try {
      const answer = await fetch(log.dataset.follow + log.dataset.next, { cache: "no-store", signal: AbortSignal.timeout(20000) });
      lost(false);
      wait = 1000;
      if (answer.status === 200) {
        const made = parsed(await answer.text()), fresh = $("#log", made), follow = bottom();
        if (!fresh) return void (location.href = answer.url);
        log.append(...fresh.childNodes);
        wait = log.dataset.next === fresh.dataset.next ? 1000 : 100;
        log.dataset.next = fresh.dataset.next;
        while (log.textContent.length > MOST && log.childNodes.length > 1) log.firstChild.remove();
        const state = $("#state", made);
        if (state && !state.isEqualNode($("#state"))) { $("#state").replaceWith(state); }
        $("#empty")?.remove();
        if (follow) scrollTo(0, document.documentElement.scrollHeight);
        if (state && !state.classList.contains("c-running") && wait === 1000) return void (live.hidden = true);
      }
    } catch { lost(true); wait = Math.min(wait * 2, 10000); }
    setTimeout(look, wait);
  };
  look();
}

// Sliders beside the fields of durations; and answers while one types.
const hours = (text) => [...text.matchAll(/([\d.]+)\s*([dhms])/g)].reduce((sum, [, n, unit]) => sum + n * { d: 24, h: 1, m: 1 / 60, s: 1 / 3600 }[unit], 0);
const written = (number) => { const minutes = Math.round(number * 60), h = Math.floor(minutes / 60), m = minutes % 60; return m ? (h ? `${h}h${m}m` : `${m}m`) : `${h}h`; };
for (const field of all("input[data-slider]")) {
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: field.dataset.slider, step: 0.5, value: hours(field.value) });
  slider.setAttribute("aria-label", field.dataset.label);
  slider.setAttribute("aria-valuetext", field.value);
  slider.addEventListener("input", () => { field.value = +slider.value || field.required ? written(slider.value) : ""; slider.setAttribute("aria-valuetext", field.value); });
  field.addEventListener("input", () => { slider.value = hours(field.value); });
  field.after(slider);
}
const asking = $("form[data-ask]");
if (asking) {
  let timer = 0, running = null;
  const ask = async () => {
    running?.abort();
    running = new AbortController();
    const fields = new URLSearchParams(new FormData(asking)), get = asking.method === "get";
    if (!get) fields.set("do", "preview");
    try {
      const answer = await fetch(get ? `${asking.action}?${fields}` : asking.action, { ...(get ? {} : { method: "POST", body: fields }), signal: running.signal });
      const made = parsed(await answer.text());
      for (const id of ["result", ...all("[data-fault]").map((each) => each.id)]) {
        const fresh = made.getElementById(id), old = document.getElementById(id);
        if (fresh && old) morph(old, fresh);
      }
      for (const field of all("[name][id]", asking)) {
        const fresh = made.getElementById(field.id);
        if (fresh) fresh.getAttribute("aria-invalid") ? field.setAttribute("aria-invalid", "true") : field.removeAttribute("aria-invalid");
      }
      if (get) history.replaceState(null, "", `?${fields}`);
      lost(false);
    } catch (error) { if (error.name !== "AbortError") lost(true); }
  };
  asking.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 200); });
}
