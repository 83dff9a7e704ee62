// Search over the whole report by package, host, rule, verdict and severity. What is asked
// stands in the fragment, so that it survives a reload: `#/search/package/left-pad/severity/error`.

const SEARCH = ["package", "host", "rule", "verdict", "severity"];

const searchView = (data, parts) => {
  const asked = {};
  for (let at = 0; at + 1 < parts.length; at += 2) if (SEARCH.includes(parts[at])) asked[parts[at]] = parts[at + 1];
  const { report } = data;
  const sorted = (values) => [...new Set(values)].sort();
  const choices = {
    host: sorted(report.runs.flatMap((run) => run.exchanges.map((it) => it.host).concat(run.lookups.map((it) => it.name)))),
    rule: sorted(report.findings.map((finding) => finding.rule)),
    verdict: sorted(report.runs.map((run) => run.verdict)),
    severity: ["error", "warning", "note"],
  };
  const said = element("p", { class: "said", role: "status" });
  const results = element("div");
  const fields = SEARCH.map((name) => {
    let field;
    if (name === "package" || name === "host") {
      field = element("input", { type: "search", name, value: asked[name] || "", size: "22", list: name === "host" ? "known-hosts" : null });
    } else {
      field = element("select", { name }, element("option", { value: "" }, "any"), choices[name].map((value) => element("option", { value, selected: asked[name] === value }, value)));
    }
    return element("label", null, { package: "Package", host: "Host", rule: "Rule", verdict: "Verdict of a run", severity: "Severity" }[name], field);
  });
  const form = element("form", { role: "search", "aria-label": "Search the report" }, fields,
    element("datalist", { id: "known-hosts" }, choices.host.slice(0, 200).map((value) => element("option", { value }))),
    element("button", { type: "reset" }, "Clear"), said);
  const read = () => {
    const values = {};
    for (const name of SEARCH) values[name] = form.elements[name].value;
    return values;
  };
  const show = () => {
    const values = read();
    const parts = SEARCH.filter((name) => values[name]).flatMap((name) => [name, values[name]]);
    history.replaceState(null, "", linkTo(data.page, "search", ...parts));
    searched(data, values, results, said);
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    for (const name of SEARCH) form.elements[name].value = "";
    show();
  }));
  searched(data, read(), results, said);
  return [crumbs(link(linkTo(data.page), "Overview"), "Search"), element("h1", { tabindex: "-1" }, "Search"), element("div", { class: "search" }, form), results];
};

const searched = (data, values, results, said) => {
  const { report } = data;
  const within = (text, part) => String(text || "").toLowerCase().includes(part.toLowerCase());
  const runs = report.runs.filter((run) => !values.verdict || run.verdict === values.verdict);
  const ids = new Set(runs.map((run) => run.id));
  const findings = report.findings.map((finding, at) => [finding, at]).filter(([finding]) =>
    (!values.package || within(finding.package, values.package)) && (!values.rule || finding.rule === values.rule) &&
    (!values.severity || finding.severity === values.severity) && (!values.verdict || finding.runs.some((id) => ids.has(id))) &&
    (!values.host || within(finding.message, values.host) || finding.evidence.some((fact) => {
      const run = fact.kind === "exchange" && data.runs.get(fact.run);
      return run && within((indexOf(data, run).exchanges.get(fact.at) || {}).host, values.host);
    })));
  const about = values.rule || values.severity ? new Set(findings.flatMap(([finding]) => finding.runs)) : null;
  const ruled = about ? runs.filter((run) => about.has(run.id)) : runs;
  const shownRuns = ruled.filter((run) => (!values.host || run.exchanges.some((it) => within(it.host, values.host)) || run.lookups.some((it) => within(it.name, values.host))) &&
    (!values.package || run.packages.some((item) => within(item.name, values.package)) || run.exchanges.some((it) => within(it.package, values.package))));
  const paths = new Map();
  if (values.package || values.host) {
    for (const run of ruled) {
      run.packages.forEach((item, at) => {
        if (values.package && !within(item.name, values.package)) return;
        if (values.host && !within(item.source && item.source.host, values.host)) return;
        if (!paths.has(item.path)) paths.set(item.path, []);
        paths.get(item.path).push([run, item, at]);
      });
    }
  }
  const requests = values.package || values.host ? ruled.flatMap((run) => run.exchanges.filter((it) =>
    (!values.host || within(it.host, values.host)) && (!values.package || within(it.package, values.package))).map((it) => [run, it])) : [];
  said.textContent = [count(shownRuns.length, "run"), count(findings.length, "finding"),
    values.package || values.host ? count(paths.size, "package") + ", " + count(requests.length, "request") : null].filter(Boolean).join(", ");
  const part = (name, heading, items, view) => (items.length ? sectionOf("found-" + name, heading + " (" + items.length + ")", view()) : null);
  results.replaceChildren(...[
    part("findings", "Findings", findings, () => listOf(findings, ([finding, at]) => element("li", null, findingLine(data, finding, at)))),
    part("packages", "Packages", [...paths], () => tableOf("Where each came from, in which runs", ["package", "came from"], [...paths], ([path, here]) =>
      element("tr", null, element("th", { scope: "row" }, path), element("td", null, sourcesOf(data, here))))),
    part("runs", "Runs", shownRuns, () => listOf(shownRuns, (run) => element("li", null, verdictMark(run), " ", runLink(data, run), run.because ? [": ", prose(run.because)] : ""))),
    part("requests", "Requests", requests, () => tableOf("In the order of the runs", ["run", "request", "answer", "whose host"], requests, ([run, it]) =>
      element("tr", null, element("td", null, runLink(data, run)), element("td", { class: "mono" }, factLink(data, run, "exchange", it.seq, it.method + " " + safe(urlOf(it), 200))),
        element("td", null, statusWords(it)), element("td", null, it.role === "foreign" ? element("span", { class: "tag bad" }, "foreign") : it.role)))),
  ].filter(Boolean));
  if (!results.firstChild) results.append(element("p", { class: "quiet" }, "Nothing in this report is like that."));
};

// The sources of one package, each with the runs in which it came from there.
const sourcesOf = (data, here) => {
  const by = new Map();
  for (const [run, item, at] of here) {
    const key = item.version ? item.version + " from " + sourceWords(item) : "not installed";
    if (!by.has(key)) by.set(key, { bad: isForeign(item), runs: [] });
    by.get(key).runs.push([run, at]);
  }
  return [...by].map(([key, { bad, runs }]) => element("div", null, key, bad ? [" ", element("span", { class: "tag bad" }, "foreign")] : "", " in ",
    runs.map(([run, at], number) => [number ? ", " : "", factLink(data, run, "package", at, runName(data, run))])));
};
