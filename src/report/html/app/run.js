// A run, whole: its end, what was not seen, its findings, who delivered what, the timeline,
// what scripts did, what was asked, and what is otherwise than in the baseline.

const runView = (data, run) => {
  const runs = data.report.runs;
  const place = runs.indexOf(run);
  const score = (data.report.drills || []).find((drill) => drill.run === run.id);
  const rows = [
    ["command", element("code", null, run.command.join(" ")), run.then && run.then.length ? [", then ", element("code", null, run.then.join(" "))] : ""],
    ["ended", endOf(run) + ", after " + time(run.duration_ms)],
    ["npm said", run.npm_error ? [element("code", null, run.npm_error.code), " " + run.npm_error.summary] : null],
    ["toolchain", "node " + run.toolchain.node + ", npm " + run.toolchain.npm + (run.platform ? ", " + run.platform : "") + ", in " + run.backend + (run.image ? " " + run.image : "")],
    ["defences lost", run.losses.length ? run.losses.join(", ") : "none"],
    ["decoys on offer", run.decoys.length ? decoyWords(run.decoys) : null],
    ["changed for it", run.notes.join("; ")],
    ["drill", score ? prose(score.title + ", after " + score.after + ": " + score.outcome + (score.stopped_by ? " by " + score.stopped_by : "") + ". Drills count in no verdict") : null],
    ["verdict of the run", score ? verdictWords(run) : null],
    ["repetition", run.repeat > 1 ? String(run.repeat) : null],
  ];
  const findings = run.findings.map((at) => [data.report.findings[at], at]);
  const banner = score ? "none" : run.control && run.verdict === "leaked" ? "none" : run.control && run.verdict === "sealed" ? "unobserved" : run.verdict;
  return [
    crumbs(link(linkTo(data.page), "Overview"), "Run " + run.id),
    element("header", { class: "banner " + banner }, score ? sign(drillShape(score)) : verdictSign(run),
      element("p", { class: "project-name" }, run.scenario + (run.title ? ": " + run.title : "")),
      element("h1", { tabindex: "-1" }, element("strong", null, score ? "drill: " + score.outcome : verdictWords(run)), run.because ? [": ", prose(run.because)] : "")),
    gapBox(data, run),
    element("div", { class: "card facts-card" }, element("dl", null, rows.filter((row) => row[1]).map(([name, ...value]) => [element("dt", null, name), element("dd", null, value)]))),
    sectionOf("run-findings", "Findings in this run", findings.length
      ? listOf(findings, ([finding, at]) => element("li", null, findingLine(data, finding, at)))
      : element("p", { class: "quiet" }, run.verdict === "unobserved" ? "None, and not all was seen." : "None.")),
    sectionOf("run-flow", "Who delivered what", flowView(data, run)),
    sectionOf("run-timeline", "Timeline", timelineView(data, run)),
    sectionOf("run-scripts", "What scripts did", treeView(data, run)),
    sectionOf("run-requests", "Requests", requestsView(data, run)),
    sectionOf("run-difference", "Against the baseline", differenceView(data, run)),
    outputView(run),
    element("p", { class: "pair" },
      element("span", null, place > 0 ? ["← ", runLink(data, runs[place - 1])] : ""),
      element("span", null, place < runs.length - 1 ? [runLink(data, runs[place + 1]), " →"] : "")),
  ];
};

const decoyWords = (decoys) => {
  const asked = [...decoys].sort((a, b) => b.asked - a.asked).slice(0, 8).map((decoy) => decoy.name + "@" + decoy.version + (decoy.asked ? " (asked for)" : ""));
  return asked.join(", ") + (decoys.length > asked.length ? " and " + (decoys.length - asked.length) + " more" : "");
};

const gapBox = (data, run) => {
  const lines = run.gaps.map((gap, at) => element("li", null, factLink(data, run, "gap", at, gap.kind), ": ", prose(gap.detail),
    gap.hides_answer ? [" ", element("strong", null, "It may hide an answer.")] : ""));
  if (!run.traced) lines.push(element("li", null, "Processes were not traced."));
  if (run.cut_short) lines.push(element("li", null, "The run was ended before its time: " + run.cut_short + "."));
  if (lines.length === 0) return null;
  return element("aside", { class: "gapbox", "aria-labelledby": "gaps-heading" }, element("h2", { id: "gaps-heading" }, sign("unobserved"), " What was not seen"), element("ul", null, lines));
};

// Requests, look-ups and connections as tables, with one filter over all of them.
const requestsView = (data, run) => {
  if (run.exchanges.length + run.lookups.length + run.connections.length === 0) {
    return [element("p", { class: "quiet" }, "Nothing was asked of anybody" + (run.verdict === "unobserved" ? ", as far as was seen." : "."))];
  }
  const holder = element("div");
  const said = element("p", { class: "said", role: "status" });
  const text = element("input", { type: "search", size: "24" });
  const has = (...words) => words.some((word) => word && String(word).toLowerCase().includes(text.value.toLowerCase()));
  const show = () => {
    const exchanges = run.exchanges.filter((it) => has(urlOf(it), it.package, it.role, it.kind, statusWords(it), it.fault));
    const lookups = run.lookups.filter((it) => has(it.name, it.answer));
    const connections = run.connections.map((it, at) => [it, at]).filter(([it]) => has(targetOf(it), it.address, it.outcome));
    said.textContent = count(exchanges.length, "request") + ", " + count(lookups.length, "look-up") + ", " + count(connections.length, "connection");
    holder.replaceChildren(
      tableOf("Requests that reached the gateway", ["no.", "request", "answer", "whose host", "for", "at"], exchanges, (it) =>
        element("tr", null, element("td", { class: "number" }, factLink(data, run, "exchange", it.seq, String(it.seq))),
          element("td", { class: "mono" }, it.method + " " + safe(urlOf(it), 300)),
          element("td", { class: "answer" }, statusWords(it) + (it.bytes ? ", " + size(it.bytes) : ""), it.decoy ? [" ", element("span", { class: "tag bad" }, "decoy")] : null),
          element("td", null, it.role === "foreign" ? element("span", { class: "tag bad" }, "foreign") : it.role),
          element("td", null, it.kind), element("td", { class: "number" }, at(it.at_ms)))),
      fold(null, [count(lookups.length, "look-up")], () => tableOf("Names that were looked up", ["no.", "name", "answer", "at"], lookups, (it) =>
        element("tr", null, element("td", { class: "number" }, factLink(data, run, "lookup", it.seq, String(it.seq))), element("td", { class: "mono" }, it.name), element("td", null, it.answer), element("td", { class: "number" }, at(it.at_ms))))),
      fold(null, [count(connections.length, "connection")], () => tableOf("Connections that were tried", ["no.", "to", "outcome", "at"], connections, ([it, number]) =>
        element("tr", null, element("td", { class: "number" }, factLink(data, run, "connection", number, String(number))), element("td", { class: "mono" }, targetOf(it)), element("td", null, reachedWords[it.outcome]), element("td", { class: "number" }, at(it.at_ms))))));
  };
  text.addEventListener("input", show);
  show();
  return [element("div", { class: "filters" }, element("label", null, "Host, package, answer", text), said), holder];
};

const outputView = (run) => {
  const { stdout_tail: out, stderr_tail: error } = run.output;
  if (!out && !error) return null;
  const part = (name, text) => (text ? [element("h3", null, name), outputBlock(name, text)] : null);
  return sectionOf("run-output", "What npm printed", fold(null, ["The ends of its output"], () =>
    element("div", { class: "body" }, part("standard output", out), part("standard error", error))));
};

const outputBlock = (name, text) => {
  const block = element("pre", { class: "output", tabindex: "0", role: "group", "aria-label": name });
  block.textContent = safeLines(text);
  return block;
};
