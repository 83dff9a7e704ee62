// One fact of a run, whole, with what it is tied to: a request with its process, its package
// and the findings that rest on it, and so on around.

const factKinds = {
  exchange: { word: "Request", find: (run, index, at) => index.exchanges.get(at) },
  lookup: { word: "Look-up", find: (run, index, at) => index.lookups.get(at) },
  process: { word: "Process", find: (run, index, at) => index.processes.get(at) },
  package: { word: "Package", find: (run, index, at) => run.packages[at] },
  connection: { word: "Connection", find: (run, index, at) => run.connections[at] },
  file: { word: "File", find: (run, index, at) => run.files[at] },
  gap: { word: "Not seen", find: (run, index, at) => run.gaps[at] },
  read: { word: "Secret read", find: (run, index, at) => (run.reads || [])[at] },
};

const factView = (data, run, kind, number) => {
  const index = indexOf(data, run);
  const of = factKinds[kind];
  const fact = of.find(run, index, number);
  if (!fact) return null;
  const { title, rows } = told[kind](data, run, index, fact, number);
  const findings = findingsOn(data, run, kind, number);
  return [
    crumbs(link(linkTo(data.page), "Overview"), runLink(data, run), of.word + " " + number),
    element("h1", { tabindex: "-1" }, of.word + ": ", title),
    element("div", { class: "card" }, element("dl", null, rows.filter((row) => row && row[1] !== null && row[1] !== undefined && row[1] !== "")
      .map(([name, ...value]) => [element("dt", null, name), element("dd", null, value)]))),
    findings.length ? sectionOf("fact-findings", "Findings that rest on it", element("ul", { class: "plain" }, findings.map(([finding, at]) => element("li", null, findingLine(data, finding, at))))) : null,
    element("p", { class: "pair" }, link(linkTo(data.page, "run", run.id), "Back to the run")),
  ];
};

const findingLine = (data, finding, number) =>
  [sign(finding.severity), " ", element("strong", null, finding.severity), " ", link(linkTo(data.page, "finding", number), finding.rule), ": ",
    prose(finding.message), finding.accepted ? [" ", element("span", { class: "tag" }, "accepted")] : null];

const processLink = (data, run, index, id) => {
  if (id === null || id === undefined) return "not known";
  const process = index.processes.get(id);
  if (!process) return "process " + id + ", which is not in the report";
  return [factLink(data, run, "process", id, element("code", null, safe(commandOf(process), 300))), whose(process) ? ", " + whose(process) : ""];
};

const packageLinks = (data, run, name) => {
  const found = run.packages.map((item, at) => [item, at]).filter(([item]) => item.name === name);
  if (found.length === 0) return name;
  return found.slice(0, 20).map(([item, at], number) => [number ? ", " : "", factLink(data, run, "package", at, item.path)]);
};

const told = {
  exchange: (data, run, index, it) => ({
    title: it.method + " " + urlOf(it),
    rows: [["answer", statusWords(it) + (it.bytes ? ", " + size(it.bytes) : ""), it.decoy ? [" ", element("span", { class: "tag bad" }, "a stranger's package (decoy)")] : ""],
      ["whose host", it.role === "foreign" ? element("span", { class: "tag bad" }, "foreign to the package") : roleWord[it.role]],
      ["for", it.kind, it.package ? [" of ", packageLinks(data, run, it.package), it.version ? "@" + it.version : ""] : ""],
      ["installed as", index.packageOf.has(it.seq) ? factLink(data, run, "package", index.packageOf.get(it.seq), run.packages[index.packageOf.get(it.seq)].path) : null],
      ["credential", it.credential === "none" ? "none" : (it.credential_label || "one") + (it.credential === "foreign" ? ", which is ANOTHER registry's" : ", which is for this host")],
      ["carried", it.carried_secret ? element("span", { class: "tag bad" }, "the value of " + it.carried_secret) : null],
      ["used", it.used_secret], ["sent on to", it.redirected_to], ["answered by", it.answered_by],
      ["nobody was asked, because", it.not_asked],
      ["by process", processLink(data, run, index, it.process)],
      ["at", at(it.at_ms)], ["took", at(it.took_ms)],
      ["sha512", it.sha512 ? element("code", null, it.sha512) : null], ["sha1", it.sha1 ? element("code", null, it.sha1) : null],
      ["not searched", it.unsearched ? "more was sent than is searched for planted secrets" : null]] }),
  lookup: (data, run, index, it) => ({
    title: it.name,
    rows: [["answer", it.answer], ["by process", processLink(data, run, index, it.process)], ["at", at(it.at_ms)],
      ["carried", it.carried_secret ? element("span", { class: "tag bad" }, "the value of " + it.carried_secret) : null],
      ["requests there", manyLinks(run.exchanges.filter((exchange) => exchange.host === it.name), (exchange) => factLink(data, run, "exchange", exchange.seq, exchange.method + " " + safe(exchange.path, 80)))]] }),
  process: (data, run, index, it, number) => {
    const packageAt = index.packages.get(it.package);
    return {
      title: element("code", null, safe(commandOf(it), 400)),
      rows: [["script", whose(it)], ["package", packageAt === undefined ? it.package : factLink(data, run, "package", packageAt, it.package)],
        ["program", element("code", null, it.exe)], ["in folder", element("code", null, it.cwd)],
        ["ended", it.exit === null ? "its end was not seen" : "with " + it.exit, it.outlived ? [" ", element("span", { class: "tag bad" }, "alive after npm had exited")] : ""],
        ["started", at(it.started_ms)], ["ended at", at(it.ended_ms)],
        ["stands in for", it.stand_in ? it.stand_in.name + ": " + it.stand_in.file : null],
        ["ran", (it.ran || []).join(", ")],
        ["started by", it.parent === null ? "the command itself" : processLink(data, run, index, it.parent)],
        ["started", manyLinks((index.children.get(number) || []).map(([child]) => child), (child) => factLink(data, run, "process", child.id, element("code", null, safe(commandOf(child), 120))))],
        ["did", deeds(data, run, index, it)],
        ["requests", manyLinks((index.exchangesOf.get(number) || []).map(([exchange]) => exchange), (exchange) => factLink(data, run, "exchange", exchange.seq, exchange.method + " " + safe(urlOf(exchange), 120)))],
        ["look-ups", manyLinks((index.lookupsOf.get(number) || []).map(([lookup]) => lookup), (lookup) => factLink(data, run, "lookup", lookup.seq, lookup.name))]] };
  },
  package: (data, run, index, it, number) => {
    const exchange = it.source && index.exchanges.get(it.source.exchange);
    const scripts = run.processes.filter((process) => process.package === it.path && it.path !== "" && process.event);
    const others = data.report.runs.filter((other) => other.id !== run.id)
      .map((other) => [other, other.packages.findIndex((item) => item.path === it.path)]).filter(([, at]) => at >= 0);
    return {
      title: packageName(it),
      rows: [["path", it.path], ["class", it.class], ["came from", sourceWords(it), isForeign(it) ? [" ", element("span", { class: "tag bad" }, "foreign")] : ""],
        ["address", it.source && it.source.url], ["request", exchange ? factLink(data, run, "exchange", exchange.seq, exchange.method + " " + exchange.path) : null],
        ["bytes", genuineWords(it), it.decoy ? ", those of a decoy" : ""],
        ["integrity", it.integrity_ok === null ? "nothing to check against" : it.integrity_ok ? "as the lockfile has it" : "NOT as the lockfile has it"],
        ["in the lockfile", it.lock ? it.lock.version : "it is not in it"], ["resolved", it.lock && (it.lock.resolved || "has none")],
        ["pinned by", it.lock && (it.lock.integrity ? element("code", null, it.lock.integrity) : "no integrity")],
        ["sha512", it.source && it.source.sha512 ? element("code", null, it.source.sha512) : null],
        ["optional", it.optional ? "npm may leave it out" : null],
        ["scripts that ran", it.scripts.join(", ") || "none"],
        ["their processes", manyLinks(scripts, (process) => factLink(data, run, "process", process.id, element("code", null, safe(commandOf(process), 120))))],
        ["files touched", manyLinks(run.files.map((file, at) => [file, at]).filter(([file]) => file.package === it.path), ([file, at]) => fileLine(data, run, file, at))],
        ["asked for", manyLinks(run.exchanges.filter((asked) => asked.package === it.name), (asked) => factLink(data, run, "exchange", asked.seq, asked.method + " " + safe(urlOf(asked), 120)))],
        ["in other runs", manyLinks(others, ([other, at]) => [factLink(data, other, "package", at, runName(data, other)), ": " + (other.packages[at].version ? other.packages[at].version + ", from " : "") + sourceWords(other.packages[at]),
          isForeign(other.packages[at]) ? [" ", element("span", { class: "tag bad" }, "foreign")] : ""])]] };
  },
  connection: (data, run, index, it) => ({
    title: targetOf(it),
    rows: [["address", it.address + (it.port ? ":" + it.port : "")], ["name", it.name], ["outcome", reachedWords[it.outcome]],
      ["by process", processLink(data, run, index, it.process)], ["at", at(it.at_ms)]] }),
  file: (data, run, index, it) => ({
    title: it.path,
    rows: [["change", it.change], ["by process", processLink(data, run, index, it.process)],
      ["in the folder of", index.packages.has(it.package) ? factLink(data, run, "package", index.packages.get(it.package), it.package) : it.package]] }),
  gap: (data, run, index, it) => ({
    title: it.kind, rows: [["what", prose(it.detail)], ["weight", it.hides_answer ? "may hide an answer, so silence proves nothing" : "hides no answer"]] }),
  read: (data, run, index, it) => ({
    title: it.secret, rows: [["planted secret", it.secret], ["by process", processLink(data, run, index, it.process)]] }),
};

const manyLinks = (items, make) => (items.length === 0 ? null : listOf(items, (item) => element("li", null, make(item))));
