// Who delivered what: packages flow from where their bytes came from to groups of them.
// A picture of at most a dozen nodes a side, and under it every package in lists.

const NODES = 12;

const scopeOf = (name) => (name.startsWith("@") ? name.split("/")[0] : "");

// Where the bytes came from, as a key of its own for each role: a host can be both.
const sourceOf = (item) => {
  if (!item.source) return { key: "none", name: "nothing was installed", role: "unknown" };
  const role = isForeign(item) ? "foreign" : item.source.role;
  return { key: role + " " + sourceWords(item), name: sourceWords(item), role: item.source.kind === "link" ? "local" : role };
};

// Groups by class and scope; what is foreign has its own, whatever its scope.
const groupOf = (item, large) => {
  if (item.class !== "public" && isForeign(item)) {
    return { key: "foreign " + scopeOf(item.name), name: item.class + ", " + (scopeOf(item.name) || "no scope"), role: "foreign", rank: 0 };
  }
  if (isForeign(item)) return { key: "foreign public", name: "public", role: "foreign", rank: 0 };
  const scope = scopeOf(item.name);
  if (item.class === "public") {
    if (scope === "") return { key: "public", name: "public, no scope", role: "public", rank: 3 };
    if (large.has(scope)) return { key: "public " + scope, name: "public, " + scope, role: "public", rank: 3 };
    return { key: "public other", name: "public, other scopes", role: "public", rank: 4 };
  }
  const role = item.class === "private" ? "own" : item.class === "local" ? "local" : "unknown";
  return { key: item.class + " " + scope, name: item.class + ", " + (scope || "no scope"), role, rank: item.class === "private" ? 1 : 2 };
};

const grouped = (run) => {
  const scopes = new Map();
  for (const item of run.packages) {
    const scope = scopeOf(item.name);
    if (scope && item.class === "public") scopes.set(scope, (scopes.get(scope) || 0) + 1);
  }
  const large = new Set([...scopes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 5).map(([scope]) => scope));
  const [left, right, flows] = [new Map(), new Map(), new Map()];
  const put = (map, node, item, at) => {
    if (!map.has(node.key)) map.set(node.key, { ...node, items: [] });
    map.get(node.key).items.push([item, at]);
  };
  run.packages.forEach((item, at) => {
    const [from, to] = [sourceOf(item), groupOf(item, large)];
    put(left, from, item, at);
    put(right, to, item, at);
    const key = JSON.stringify([from.key, to.key]);
    if (!flows.has(key)) flows.set(key, { from: from.key, to: to.key, role: from.role, number: 0 });
    flows.get(key).number++;
  });
  const order = { foreign: 0, own: 1, local: 2, unknown: 3, public: 4 };
  const by = (nodes) => [...nodes.values()].sort((a, b) =>
    (order[a.role] - order[b.role]) || (a.rank || 0) - (b.rank || 0) || b.items.length - a.items.length || (a.key < b.key ? -1 : 1));
  return { left: by(left), right: by(right), flows: [...flows.values()] };
};

// The nodes of a side with their heights: by the root of their number, so that one package
// beside two thousand can be seen.
const laidOut = (nodes, height) => {
  const gap = 6;
  const weights = nodes.map((node) => Math.sqrt(node.items.length));
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const least = 38;
  const free = Math.max(0, height - nodes.length * (least + gap) + gap);
  let top = 0;
  return new Map(nodes.map((node, at) => {
    const box = { top, height: least + (free * weights[at]) / total, used: 0 };
    top += box.height + gap;
    return [node.key, box];
  }));
};

const folded = (nodes, word) => {
  if (nodes.length <= NODES) return [nodes, new Map()];
  const kept = nodes.slice(0, NODES - 1);
  const rest = nodes.slice(NODES - 1);
  const role = rest.some((node) => node.role === "foreign") ? "foreign" : "unknown";
  const other = { key: "the rest", name: rest.length + " more " + word, role, items: rest.flatMap((node) => node.items) };
  return [[...kept, other], new Map(rest.map((node) => [node.key, "the rest"]))];
};

const flowView = (data, run) => {
  if (run.packages.length === 0) return [element("p", { class: "quiet" }, "No package is known of this run.")];
  const { left, right, flows } = grouped(run);
  const [sources, sourceFold] = folded(left, "sources");
  const [groups, groupFold] = folded(right, "groups");
  const height = Math.max(sources.length, groups.length) * 44 + Math.min(160, Math.sqrt(run.packages.length) * 4);
  const [from, to] = [laidOut(sources, height), laidOut(groups, height)];
  const lists = new Map();

  const words = (node) => count(node.items.length, "package") + (node.role === "foreign" ? ", FOREIGN" : "");
  const column = (nodes, boxes, side) => element("div", { class: "column " + side, style: { height: height + "px" } }, nodes.map((node) => {
    const box = boxes.get(node.key);
    const style = { top: box.top + "px", height: box.height + "px" };
    const inside = [element("b", { title: node.name }, node.name), element("span", null, words(node))];
    if (side === "left") return element("div", { class: "node " + node.role, style }, inside);
    return element("button", { type: "button", class: "node " + node.role, style, on: { click: () => {
      const list = lists.get(groupFold.get(node.key) || node.key) || lists.values().next().value;
      list.make();
      list.querySelector("summary").focus();
      list.scrollIntoView({ block: "nearest" });
    } } }, inside);
  }));

  const ribbons = element("svg:svg", { class: "ribbons", viewBox: "0 0 100 " + height, preserveAspectRatio: "none", "aria-hidden": "true" });
  const sums = new Map();
  for (const flow of flows) {
    const [start, end] = [sourceFold.get(flow.from) || flow.from, groupFold.get(flow.to) || flow.to];
    const key = JSON.stringify([start, end]);
    if (!sums.has(key)) sums.set(key, { ...flow, from: start, to: end, number: 0 });
    sums.get(key).number += flow.number;
  }
  const place = (boxes, key, nodes, number) => {
    const box = boxes.get(key);
    const part = (box.height * number) / nodes.find((node) => node.key === key).items.length;
    const top = box.top + box.used;
    box.used += part;
    return [top, top + part];
  };
  const order = new Map([...sources, ...groups].map((node, rank) => [node.key, rank]));
  for (const flow of [...sums.values()].sort((a, b) => order.get(a.from) - order.get(b.from) || order.get(a.to) - order.get(b.to))) {
    const [a, b] = place(from, flow.from, sources, flow.number);
    const [c, d] = place(to, flow.to, groups, flow.number);
    ribbons.append(element("svg:path", { class: flow.role, d: `M0 ${a}C50 ${a} 50 ${c} 100 ${c}V${d}C50 ${d} 50 ${b} 0 ${b}Z` }));
  }

  const details = right.map((node) => {
    const list = fold({ class: node.role }, [element("strong", null, node.name), " ", element("span", { class: "quiet" }, words(node))],
      () => packageTable(data, run, node.items));
    lists.set(node.key, list);
    return list;
  });
  if (groupFold.size) lists.set("the rest", lists.get([...groupFold.keys()][0]));
  return [
    legend(run),
    element("div", { class: "flow", role: "group", "aria-label": "packages by where they came from; the same is listed below" },
      column(sources, from, "left"), element("div", { class: "column", style: { height: height + "px" } }, ribbons), column(groups, to, "right")),
    element("h3", null, "Packages by group"),
    details,
  ];
};

const legend = (run) => {
  const roles = new Set(run.packages.map((item) => sourceOf(item).role));
  const words = { foreign: "foreign: not the package's own source", own: "the package's own registry", public: "public registry", local: "of the project itself", unknown: "not known, or not installed" };
  return element("ul", { class: "legend" }, Object.keys(words).filter((role) => roles.has(role))
    .map((role) => element("li", { class: role }, element("i", { class: role }), words[role])));
};

const packageTable = (data, run, items) =>
  tableOf(count(items.length, "package"), ["package", "class", "came from", "bytes", "scripts that ran"], items, ([item, number]) =>
    element("tr", null,
      element("th", { scope: "row" }, factLink(data, run, "package", number, packageName(item)), element("span", { class: "title" }, item.path)),
      element("td", null, item.class),
      element("td", null, sourceWords(item), isForeign(item) ? [" ", element("span", { class: "tag bad" }, item.decoy ? "foreign, decoy" : "foreign")] : null),
      element("td", null, genuineWords(item)),
      element("td", null, item.scripts.join(", ") || "-")));

const genuineWords = (item) =>
  item.genuine === true ? "genuine" : item.genuine === false ? "NOT the genuine bytes" : "cannot be said";
