// What the script adds to the page as it was written: a filter over the findings, links to
// one of them, the switch of light and dark, the report's JSON to keep.

const filterFindings = (article) => {
  const holder = article.querySelector(".filters");
  if (!holder || holder.firstChild) return;
  const findings = [...article.querySelectorAll(".finding")];
  const rules = [...new Set(findings.map((finding) => finding.dataset.rule))].sort();
  const text = element("input", { type: "search", size: "24" });
  const severity = element("select", null, element("option", { value: "" }, "any"), ["error", "warning", "note"].map((value) => element("option", { value }, value)));
  const rule = element("select", null, element("option", { value: "" }, "any"), rules.map((value) => element("option", { value }, value)));
  const said = element("p", { class: "said", role: "status" });
  const show = () => {
    const part = text.value.toLowerCase();
    let shown = 0, all = 0;
    for (const finding of findings) {
      const here = (!severity.value || finding.dataset.severity === severity.value) && (!rule.value || finding.dataset.rule === rule.value) &&
        (!part || finding.textContent.toLowerCase().includes(part));
      // Equal ones are told as one.
      const stands = 1 + finding.querySelectorAll(".alike li").length;
      finding.hidden = !here;
      all += stands;
      if (here) shown += stands;
    }
    for (const group of article.querySelectorAll(".group")) group.hidden = !group.querySelector(".finding:not([hidden])");
    said.textContent = shown === all ? count(shown, "finding") : shown + " of " + count(all, "finding");
  };
  holder.append(element("label", null, "Package, host, file", text), element("label", null, "Severity", severity), element("label", null, "Rule", rule), said);
  holder.addEventListener("input", show);
  holder.clear = () => {
    text.value = severity.value = rule.value = "";
    show();
  };
  show();
};

const chooseFinding = (article, page, number) => {
  for (const chosen of article.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
  const chosen = document.getElementById("finding-" + page + "-" + number);
  if (!chosen) return false;
  const finding = chosen.closest(".finding");
  if (finding.hidden) article.querySelector(".filters").clear();
  // One of those that are told with another.
  const held = chosen.closest(".alike");
  if (held) held.open = true;
  finding.classList.add("chosen");
  chosen.scrollIntoView();
  (chosen === finding ? finding.querySelector("h4") : chosen).focus({ preventScroll: true });
  return true;
};

const themeSwitch = () => {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const button = element("button", { type: "button" });
  const say = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", "Switch to " + (dark() ? "light" : "dark") + " colours"); };
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
  return button;
};

const keepJson = (current) =>
  element("button", { type: "button", class: "keep", on: { click: async () => {
    const data = await reportOf(current());
    const address = URL.createObjectURL(new Blob([asJson(data)], { type: "application/json" }));
    const name = data.report.project.name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, "") || "report";
    const anchor = element("a", { href: address, download: name + ".sealcheck.json", hidden: true });
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  } } }, "Save JSON");
