// Parts that several views are made of: sections, tables that show more when asked, lists
// that are filled when they are opened. Knows the shapes of a report and no view.

const FIRST = 25;
const MORE = 1000;

const sectionOf = (id, heading, ...children) =>
  element("section", { id, "aria-labelledby": id + "-heading" }, element("h2", { id: id + "-heading" }, heading), children);

// Rows of which the first are there and the others come when asked for. `row` makes one.
const tableOf = (caption, heads, items, row, label) => {
  const body = element("tbody");
  const table = element("table", null, element("caption", null, caption),
    element("thead", null, element("tr", null, heads.map((head) => element("th", { scope: "col" }, head)))), body);
  const scroll = element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label || caption }, table);
  const holder = element("div", null, scroll);
  growing(items, row, (rows) => body.append(...rows), (button) => holder.append(button));
  return holder;
};

const listOf = (items, make, attributes) => {
  const list = element("ul", attributes || { class: "plain" });
  const holder = element("div", null, list);
  growing(items, make, (rows) => list.append(...rows), (button) => holder.append(button));
  return holder;
};

const growing = (items, make, add, addButton) => {
  let shown = 0;
  const next = (most) => {
    const rows = items.slice(shown, shown + most).map((item) => make(item)).filter(Boolean);
    add(rows);
    shown += most;
    const left = items.length - shown;
    if (left > 0) button.textContent = left > MORE ? "Show " + MORE + " of " + left + " more" : "Show " + left + " more";
    else button.remove();
    return rows[0];
  };
  const button = element("button", { type: "button", class: "more", on: { click: () => {
    const first = next(MORE);
    const target = first && (first.querySelector("a, button") || first);
    if (target) target.focus();
  } } });
  if (items.length > FIRST + 5) addButton(button);
  next(items.length > FIRST + 5 ? FIRST : FIRST + 5);
};

// A list that is made when it is opened.
const fold = (attributes, summary, make) => {
  const details = element("details", attributes, element("summary", null, summary));
  let made = false;
  const open = () => {
    if (made || !details.open) return;
    made = true;
    fill(details, [make()]);
  };
  details.addEventListener("toggle", open);
  details.make = () => { details.open = true; open(); };
  if (details.open) open();
  return details;
};

const crumbs = (...items) =>
  element("nav", { class: "crumbs", "aria-label": "Where this is" }, element("ol", null, items.filter(Boolean).map((item) => element("li", null, item))));

const roleWord = { own: "own registry", public: "public registry", foreign: "FOREIGN", unknown: "unknown" };

// `@acme/ui@1.2.0`.
const packageName = (item) => item.name + (item.version ? "@" + item.version : " (not installed)");

const sourceWords = (item) => {
  if (!item.source) return "not installed";
  const { kind, host } = item.source;
  const from = { registry: host || "a registry", cache: "npm's cache", git: "git" + (host ? " at " + host : ""),
    file: "a file of the project", link: "a link in the project", bundled: "its parent's tarball", unknown: host || "an unknown source" };
  return from[kind] || kind;
};

const isForeign = (item) => (item.source && item.source.role === "foreign") || item.decoy || item.genuine === false;

const statusWords = (exchange) => {
  const fault = exchange.fault;
  if (exchange.status !== null) return exchange.status + (fault ? " (" + fault + ")" : "");
  return fault || "no answer";
};

const urlOf = (exchange) => {
  const usual = (exchange.scheme === "https" && exchange.port === 443) || (exchange.scheme === "http" && exchange.port === 80);
  return exchange.scheme + "://" + exchange.host + (usual ? "" : ":" + exchange.port) + exchange.path;
};

const whose = (process) => {
  if (process.package === null || process.package === undefined) return null;
  const name = process.package_name || (process.package === "" ? "the project" : process.package);
  return "the " + (process.event || "script") + " of " + name + (process.version ? "@" + process.version : "");
};

const commandOf = (process) => process.argv.join(" ") || process.exe;

const reachedWords = { gateway: "answered by the gateway", refused: "refused", unreachable: "unreachable", denied: "denied",
  pending: "begun, its end not seen", inside: "answered inside the sandbox" };

const targetOf = (connection) => (connection.name || connection.address) + (connection.port ? ":" + connection.port : "");

const processes = (number) => number + (number === 1 ? " process" : " processes");

const at = (ms) => (ms === null || ms === undefined ? "not recorded" : time(ms));
const known = (ms) => ms !== null && ms !== undefined;
