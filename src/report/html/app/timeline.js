// What happened when: requests by host, look-ups, connections and processes on one axis of
// milliseconds since the command began, under npm's phases. What has no time is counted.

const SINGLE = 250;
const SCRIPTS = 40;
const DEPTH = 6;

const timelineView = (data, run) => {
  const timed = run.exchanges.some((it) => known(it.at_ms)) || run.processes.some((it) => known(it.started_ms));
  if (!timed) {
    return [element("p", { class: "notice" }, "Times were not recorded: this report was made before requests and processes had any, or nothing was seen. Their order is in the lists below.")];
  }
  const ends = [run.duration_ms,
    ...run.exchanges.filter((it) => known(it.at_ms)).map((it) => it.at_ms + (it.took_ms || 0)),
    ...run.processes.map((it) => it.ended_ms ?? it.started_ms ?? 0)];
  const whole = ends.reduce((most, end) => (end > most ? end : most), 1);
  const phases = phasesOf(run, whole);
  const lanes = [phaseLane(phases, whole)];
  const hosts = new Map();
  for (const exchange of run.exchanges) {
    if (!hosts.has(exchange.host)) hosts.set(exchange.host, []);
    hosts.get(exchange.host).push(exchange);
  }
  const sorted = [...hosts].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
  for (const [host, exchanges] of sorted.slice(0, 20)) {
    const bad = exchanges.some((it) => it.role === "foreign");
    lanes.push(lane(whole, host, count(exchanges.length, "request") + (bad ? ", FOREIGN among them" : ""), exchanges.map((it) => ({
      start: it.at_ms, end: known(it.at_ms) ? it.at_ms + (it.took_ms || 0) : null,
      class: it.role === "foreign" || it.fault ? "failed" : "asked " + it.role,
      href: linkTo(data.page, "run", run.id, "exchange", it.seq), says: it.method + " " + it.path + ", " + statusWords(it) }))));
  }
  lanes.push(lane(whole, "look-ups", String(run.lookups.length), run.lookups.map((it) => ({
    start: it.at_ms, end: it.at_ms, class: "look", href: linkTo(data.page, "run", run.id, "lookup", it.seq), says: it.name + " → " + it.answer }))));
  lanes.push(lane(whole, "connections", String(run.connections.length), run.connections.map((it, number) => ({
    start: it.at_ms, end: it.at_ms, class: "wish", href: linkTo(data.page, "run", run.id, "connection", number), says: targetOf(it) + ", " + reachedWords[it.outcome] }))));
  const owners = new Map();
  for (const process of run.processes.filter((it) => known(it.started_ms)).sort((a, b) => a.started_ms - b.started_ms || a.id - b.id)) {
    const owned = process.package !== null && process.package !== undefined;
    const owner = owned ? process.package_name || process.package || "the project" : "npm itself";
    const key = owned ? JSON.stringify([process.package, process.event]) : "";
    if (!owners.has(key)) owners.set(key, { owner, event: owned ? process.event || "script" : "", marks: [] });
    const open = !known(process.ended_ms);
    owners.get(key).marks.push({ start: process.started_ms, end: process.ended_ms ?? whole, class: open ? "process open-end" : "process",
      href: linkTo(data.page, "run", run.id, "process", process.id), says: commandOf(process) + (open ? ", its end was not seen" : "") });
  }
  for (const { owner, event, marks } of [...owners.values()].slice(0, SCRIPTS)) {
    lanes.push(lane(whole, owner, (event ? event + ", " : "") + processes(marks.length), marks));
  }
  const left = owners.size - SCRIPTS;
  const untimed = (list, key) => list.filter((it) => !known(it[key])).length;
  const missing = [[untimed(run.exchanges, "at_ms"), "request"], [untimed(run.lookups, "at_ms"), "look-up"],
    [untimed(run.connections, "at_ms"), "connection"], [untimed(run.processes, "started_ms"), "process"]]
    .filter(([number]) => number > 0).map(([number, word]) => number + " " + word + (number === 1 ? "" : word.endsWith("s") ? "es" : "s"));
  return [
    element("div", { class: "timeline" }, lanes, left > 0 ? element("p", { class: "quiet" }, "and " + count(left, "later script") + ", in the list below") : null),
    element("ul", { class: "phase-list" }, phases.map((phase) => element("li", null, element("strong", null, phase.name), " ", time(phase.start) + " to " + time(phase.end)))),
    missing.length ? element("p", { class: "quiet" }, "The time of " + missing.join(", ") + " was not recorded.") : null,
    fold(null, ["The same as a table, in the order of time"], () => timeTable(data, run)),
  ];
};

// npm's phases, read off what it did: resolving until the first tarball is asked for, fetching
// until the last is there, scripts by event, finishing.
const phasesOf = (run, whole) => {
  const tarballs = run.exchanges.filter((it) => it.kind === "tarball" && known(it.at_ms));
  const scripts = new Map();
  for (const process of run.processes) {
    if (!process.event || !known(process.started_ms)) continue;
    const phase = scripts.get(process.event) || { name: process.event, start: Infinity, end: 0 };
    phase.start = Math.min(phase.start, process.started_ms);
    phase.end = Math.max(phase.end, process.ended_ms ?? process.started_ms);
    scripts.set(process.event, phase);
  }
  const phases = [];
  if (tarballs.length) {
    const start = Math.min(...tarballs.map((it) => it.at_ms));
    const end = tarballs.reduce((most, it) => Math.max(most, it.at_ms + (it.took_ms || 0)), 0);
    phases.push({ name: "resolving", start: 0, end: start }, { name: "fetching", start, end });
  } else if (run.exchanges.length) {
    phases.push({ name: "asking, and no tarball came", start: 0, end: whole });
  }
  phases.push(...[...scripts.values()].sort((a, b) => a.start - b.start));
  const last = phases.reduce((most, phase) => Math.max(most, phase.end), 0);
  if (phases.length && last < whole) phases.push({ name: "finishing", start: last, end: whole });
  return phases;
};

const percent = (ms, whole) => Math.max(0, Math.min(100, (ms / whole) * 100));

const phaseLane = (phases, whole) =>
  element("div", { class: "lane" }, element("div", { class: "name" }, element("strong", null, "npm's phases")),
    element("div", null,
      element("div", { class: "axis" }, [0, 0.25, 0.5, 0.75, 1].map((part) => element("span", null, time(Math.round(whole * part))))),
      element("div", { class: "phases" }, phases.map((phase) => element("span", { title: phase.name,
        style: { left: percent(phase.start, whole) + "%", width: Math.max(0.3, percent(phase.end, whole) - percent(phase.start, whole)) + "%" } },
        percent(phase.end, whole) - percent(phase.start, whole) > 7 ? phase.name : "")))));

// One lane. What overlaps is put under each other down to a depth; very many are one shape.
const lane = (whole, name, more, marks) => {
  const here = marks.filter((mark) => known(mark.start)).sort((a, b) => a.start - b.start);
  const ends = [];
  const rows = here.map((mark, number) => {
    let row = ends.findIndex((end) => end <= mark.start);
    if (row < 0) row = ends.length < DEPTH ? ends.length : number % DEPTH;
    ends[row] = mark.end;
    return row;
  });
  const tall = ends.length > 2 ? 6 : 11;
  const height = Math.max(14, (tall + 1) * ends.length + 2);
  const svg = element("svg:svg", { viewBox: "0 0 1000 " + height, height: height, preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(element("svg:path", { class: "grid", d: [250, 500, 750].map((x) => `M${x} 0V${height}`).join("") }));
  const shapes = new Map();
  here.forEach((mark, number) => {
    const x = (mark.start / whole) * 1000;
    const width = Math.max(2, ((mark.end - mark.start) / whole) * 1000);
    const y = rows[number] * (tall + 1) + 1;
    if (here.length > SINGLE) {
      const box = `M${x.toFixed(1)} ${y}h${width.toFixed(1)}v${tall}h-${width.toFixed(1)}z`;
      shapes.set(mark.class, (shapes.get(mark.class) || "") + box);
    } else {
      const box = element("svg:rect", { x: x.toFixed(1), y, width: width.toFixed(1), height: tall, class: mark.class },
        element("svg:title", null, time(mark.start) + ": " + mark.says));
      svg.append(element("svg:a", { href: mark.href, tabindex: "-1", class: mark.class }, box));
    }
  });
  for (const [of, d] of shapes) svg.append(element("svg:path", { class: of, d }));
  return element("div", { class: "lane" }, element("div", { class: "name", title: name + " " + more }, name, " ", element("span", { class: "quiet" }, more)), svg);
};

const timeTable = (data, run) => {
  const rows = [
    ...run.exchanges.map((it) => [it.at_ms, it.took_ms, "request", "exchange", it.seq, it.method + " " + urlOf(it) + " → " + statusWords(it)]),
    ...run.lookups.map((it) => [it.at_ms, null, "look-up", "lookup", it.seq, it.name + " → " + it.answer]),
    ...run.connections.map((it, number) => [it.at_ms, null, "connection", "connection", number, targetOf(it) + " → " + reachedWords[it.outcome]]),
    ...run.processes.map((it) => [it.started_ms, known(it.started_ms) && known(it.ended_ms) ? it.ended_ms - it.started_ms : null, "process", "process", it.id, commandOf(it)]),
  ].sort((a, b) => (a[0] ?? Infinity) - (b[0] ?? Infinity));
  return tableOf(count(rows.length, "event"), ["since the start", "took", "what", "details"], rows, ([start, took, word, kind, id, says]) =>
    element("tr", null, element("td", { class: "number" }, at(start)), element("td", { class: "number" }, at(took)),
      element("td", null, factLink(data, run, kind, id, word)), element("td", { class: "mono" }, says)), "events in the order of time");
};
