// What a run did otherwise than the baseline run of the same place: packages, sources, hosts,
// scripts, connections and files. What one of them did not see is said, and is no difference.

const differenceView = (data, run) => {
  const baseline = baselineOf(data, run);
  if (run.scenario === "baseline") return [element("p", { class: "quiet" }, "This is a baseline run: the others of its place are held against the first of them.")];
  if ((data.report.drills || []).some((drill) => drill.run === run.id)) return [element("p", { class: "quiet" }, "Drills are other projects each, and have no baseline.")];
  if (!baseline) return [element("p", { class: "notice" }, "There is no baseline run in this place to hold it against.")];
  const notes = [];
  for (const one of [baseline, run]) {
    if (one.cut_short || one.verdict === "unobserved" || !one.traced || one.gaps.some((gap) => gap.hides_answer)) {
      notes.push(element("p", { class: "notice" }, "Of ", runLink(data, one), " not all was seen: what is missing there may have happened all the same."));
    }
  }
  const parts = [
    ["Outcome", outcomeChanges(baseline, run)],
    ["Packages and where they came from", packageChanges(data, run, baseline)],
    ["Hosts asked", setChanges(hostsOf(baseline), hostsOf(run), "asked")],
    ["Scripts", setChanges(scriptsOf(baseline), scriptsOf(run), "ran")],
    ["Connections of scripts", setChanges(wishesOf(data, baseline), wishesOf(data, run), "tried")],
    ["Files that scripts touched", setChanges(filesOf(baseline), filesOf(run), "touched")],
  ].filter(([, changes]) => changes.length);
  if (parts.length === 0) return [notes, element("p", { class: "quiet" }, "Nothing that was seen differs from ", runLink(data, baseline), ".")];
  return [notes, element("p", { class: "quiet" }, "Against ", runLink(data, baseline), ": - only there, + only here, ≠ another here."),
    parts.map(([name, changes]) => fold({ open: changes.length <= 12 }, [element("strong", null, name), " ", element("span", { class: "quiet" }, count(changes.length, "difference"))],
      () => element("div", { class: "body" }, listOf(changes, (change) => change(), { class: "changes" }))))];
};

const changeLine = (word, bad, ...said) => () =>
  element("li", null, element("span", { class: bad ? "tag bad" : "tag" }, word), said);

const endOf = (run) => {
  if (run.cut_short) return "cut short (" + run.cut_short + ")";
  const ended = run.exit_code !== null ? "exit " + run.exit_code : run.signal ? "signal " + run.signal : "no end";
  return ended + (run.npm_error ? ", " + run.npm_error.code : "");
};

const outcomeChanges = (old, now) => {
  const changes = [];
  if (endOf(old) !== endOf(now)) changes.push(changeLine("≠", false, "npm: " + endOf(old) + " → " + endOf(now)));
  return changes;
};

const packageChanges = (data, run, baseline) => {
  const before = new Map(baseline.packages.map((item) => [item.path, item]));
  const changes = [];
  run.packages.forEach((item, number) => {
    const old = before.get(item.path);
    before.delete(item.path);
    const name = () => factLink(data, run, "package", number, item.path || item.name);
    const bad = isForeign(item);
    const here = item.version !== null;
    if (!old || (old.version === null && here)) {
      if (here) changes.push([bad ? 0 : 2, changeLine("+", bad, name(), " " + packageName(item) + ", from " + sourceWords(item))]);
      return;
    }
    if (old.version !== null && !here) {
      changes.push([3, changeLine("-", false, name(), " " + old.version + " is not installed")]);
      return;
    }
    const said = [];
    if (old.version !== item.version) said.push("version " + old.version + " → " + item.version);
    if (sourceWords(old) !== sourceWords(item)) said.push("from " + sourceWords(old) + " → " + sourceWords(item));
    const digests = [old.source && old.source.sha512, item.source && item.source.sha512];
    if (digests[0] && digests[1] && digests[0] !== digests[1]) said.push("other bytes");
    if (old.scripts.join() !== item.scripts.join()) said.push("scripts " + (old.scripts.join(", ") || "none") + " → " + (item.scripts.join(", ") || "none"));
    if (said.length) changes.push([bad ? 0 : 1, changeLine("≠", bad, name(), " " + said.join("; "))]);
  });
  for (const old of before.values()) {
    if (old.version !== null) changes.push([3, changeLine("-", false, old.path + " " + old.version + " is not there")]);
  }
  return changes.sort((a, b) => a[0] - b[0]).map(([, change]) => change);
};

const setChanges = (old, now, verb) => [
  ...[...now].filter(([name]) => !old.has(name)).map(([name, more]) => changeLine("+", false, name + (more ? " " + more : ""))),
  ...[...old].filter(([name]) => !now.has(name)).map(([name]) => changeLine("-", false, name + ", which was " + verb + " there")),
];

const hostsOf = (run) => {
  const hosts = new Map();
  for (const exchange of run.exchanges) hosts.set(exchange.host, (hosts.get(exchange.host) || 0) + 1);
  return new Map([...hosts].map(([host, number]) => [host, "(" + count(number, "request") + ")"]));
};

const scriptsOf = (run) =>
  new Map(run.processes.filter((process) => process.event)
    .map((process) => [process.event + " of " + (process.package_name || process.package || "the project") + (process.version ? "@" + process.version : ""), ""]));

const wishesOf = (data, run) => {
  const index = indexOf(data, run);
  return new Map(run.connections.map((connection) => [index.processes.get(connection.process), connection])
    .filter(([process]) => process && process.event)
    .map(([process, connection]) => [targetOf(connection) + ", by " + whose(process), ""]));
};

const filesOf = (run) => new Map(run.files.map((file) => [file.path.replace(/^\/project\//, "") + " " + file.change, ""]));
