// The report out of the page: unpacked when it is first asked for, and what lies in it by name.
// `pack.rs` put it in.

const reports = new Map();

// The report of a project, as a promise.
const reportOf = (page) => {
  if (!reports.has(page)) reports.set(page, unpack(page));
  return reports.get(page);
};

const unpack = async (page) => {
  const text = document.getElementById("data-" + page).textContent;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const packed = JSON.parse(await new Response(stream).text());
  const report = resolve(packed.report, packed.pool);
  return { page, report, runs: new Map(report.runs.map((run) => [run.id, run])), indices: new Map() };
};

// `~12` is the twelfth string of the pool; a string that begins with `~` has another before it.
const resolve = (value, pool) => {
  if (typeof value === "string") {
    if (value[0] !== "~") return value;
    return value[1] === "~" || value.length === 1 ? value.slice(1) : pool[Number(value.slice(1))];
  }
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = resolve(value[at], pool);
  } else if (value !== null && typeof value === "object") {
    for (const key of Object.keys(value)) value[key] = resolve(value[key], pool);
  }
  return value;
};

// What of a run points at what: made once a run.
const indexOf = (data, run) => {
  if (data.indices.has(run.id)) return data.indices.get(run.id);
  const by = (list, key) => {
    const map = new Map();
    list.forEach((item, at) => {
      const name = item[key];
      if (name === null || name === undefined) return;
      if (!map.has(name)) map.set(name, []);
      map.get(name).push([item, at]);
    });
    return map;
  };
  const index = {
    processes: new Map(run.processes.map((process) => [process.id, process])),
    children: by(run.processes, "parent"),
    exchanges: new Map(run.exchanges.map((exchange) => [exchange.seq, exchange])),
    exchangesOf: by(run.exchanges, "process"),
    lookups: new Map(run.lookups.map((lookup) => [lookup.seq, lookup])),
    lookupsOf: by(run.lookups, "process"),
    connectionsOf: by(run.connections, "process"),
    filesOf: by(run.files, "process"),
    readsOf: by(run.reads || [], "process"),
    packages: new Map(run.packages.map((item, at) => [item.path, at])),
    packageOf: new Map(),
  };
  run.packages.forEach((item, at) => {
    if (item.source && item.source.exchange) index.packageOf.set(item.source.exchange, at);
  });
  data.indices.set(run.id, index);
  return index;
};

// The findings that rest on a fact.
const findingsOn = (data, run, kind, at) =>
  data.report.findings
    .map((finding, number) => [finding, number])
    .filter(([finding]) => finding.evidence.some((fact) => fact.run === run.id && fact.kind === kind && fact.at === at));

// The run that others are held against: the baseline of the same place, the first of it.
const baselineOf = (data, run) => {
  const place = (it) => [it.toolchain.node, it.toolchain.npm, it.image || "", it.backend].join(" ");
  return data.report.runs.find((other) => other.scenario === "baseline" && place(other) === place(run));
};

// As the report's JSON was written.
const asJson = (data) => JSON.stringify(data.report, null, 2) + "\n";
