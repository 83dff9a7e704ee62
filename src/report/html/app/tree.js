// What scripts did: for each package the processes of its scripts, below each other as they
// were started, with what each connected to, wrote and read.

const treeView = (data, run) => {
  const index = indexOf(data, run);
  if (run.processes.length === 0) {
    return [element("p", { class: run.traced ? "quiet" : "notice" }, run.traced
      ? "No process was seen." : "Processes were not traced in this run: what scripts did is not known.")];
  }
  const owners = new Map();
  for (const process of run.processes) {
    const owned = process.package !== null && process.package !== undefined;
    const parent = process.parent === null ? null : index.processes.get(process.parent);
    const same = parent && parent.package === process.package && parent.event === process.event;
    const key = owned ? JSON.stringify([process.package, process.event]) : "";
    if (!owners.has(key)) owners.set(key, { process, owned, roots: [], number: 0 });
    owners.get(key).number++;
    if (!same) owners.get(key).roots.push(process);
  }
  const list = [...owners.values()].sort((a, b) => b.owned - a.owned);
  const scripts = list.filter((owner) => owner.owned);
  const notes = [];
  if (scripts.length === 0) notes.push(element("p", { class: "quiet" }, run.traced ? "No lifecycle script ran." : "Processes were not traced: that none is listed proves nothing."));
  const unowned = run.files.filter((file) => file.process === null);
  return [notes,
    list.map((owner) => {
      const title = owner.owned
        ? [element("span", { class: "tag event" }, owner.process.event || "script"), " ", element("strong", null, (owner.process.package_name || owner.process.package || "the project") + (owner.process.version ? "@" + owner.process.version : ""))]
        : [element("strong", null, "npm itself")];
      return fold({ open: owner.owned && list.length < 12 && run.processes.length < 40 }, [title, " ", element("span", { class: "quiet" }, processes(owner.number))],
        () => element("div", { class: "body" }, owner.owned ? packageLine(data, run, index, owner.process) : null,
          element("ul", { class: "tree" }, owner.roots.map((root) => branch(data, run, index, root, 0)))));
    }),
    unowned.length ? fold(null, ["Files that changed, and it is not known by whom ", element("span", { class: "quiet" }, count(unowned.length, "file"))],
      () => element("div", { class: "body" }, listOf(unowned, (file) => element("li", null, fileLine(data, run, file, run.files.indexOf(file)))))) : null,
  ];
};

const packageLine = (data, run, index, process) => {
  const at = index.packages.get(process.package);
  if (at === undefined) return null;
  return element("p", { class: "quiet" }, "of ", factLink(data, run, "package", at, packageName(run.packages[at])), ", from ", sourceWords(run.packages[at]));
};

const DEEP = 40;

const branch = (data, run, index, process, depth) => {
  const children = (index.children.get(process.id) || []).map(([child]) => child)
    .filter((child) => child.package === process.package && child.event === process.event);
  return element("li", null,
    factLink(data, run, "process", process.id, element("span", { class: "argv" }, safe(commandOf(process), 400))), " ",
    exitTags(process), deeds(data, run, index, process),
    children.length && depth < DEEP ? element("ul", null, children.map((child) => branch(data, run, index, child, depth + 1))) : null);
};

const exitTags = (process) => [
  element("span", { class: "quiet" }, process.exit === null ? "its end was not seen" : "ended with " + process.exit,
    known(process.started_ms) && known(process.ended_ms) ? ", " + time(process.ended_ms - process.started_ms) : ""),
  process.outlived ? [" ", element("span", { class: "tag bad" }, "alive after npm had exited")] : null,
  process.stand_in ? [" ", element("span", { class: "tag bad" }, process.stand_in.name + " is a file of the project")] : null,
];

// What a process wanted of the network and of the disk, a line each.
const deeds = (data, run, index, process) => {
  const secrets = (index.readsOf.get(process.id) || []).map(([read, number]) =>
    element("li", { class: "secret" }, "read ", factLink(data, run, "read", number, read.secret)));
  const looks = process.event ? (index.lookupsOf.get(process.id) || []).map(([lookup]) =>
    element("li", { class: "wish" }, "look-up of ", factLink(data, run, "lookup", lookup.seq, lookup.name), " → " + lookup.answer,
      lookup.carried_secret ? [" ", element("span", { class: "tag bad" }, "carries " + lookup.carried_secret)] : null)) : [];
  const wishes = (index.connectionsOf.get(process.id) || []).map(([connection, number]) =>
    element("li", { class: "wish" }, factLink(data, run, "connection", number, targetOf(connection)), " " + reachedWords[connection.outcome]));
  const asked = process.event ? (index.exchangesOf.get(process.id) || []).map(([exchange]) =>
    element("li", { class: "wish" }, factLink(data, run, "exchange", exchange.seq, exchange.method + " " + urlOf(exchange)), " → " + statusWords(exchange),
      exchange.carried_secret ? [" ", element("span", { class: "tag bad" }, "carries " + exchange.carried_secret)] : null)) : [];
  const files = (index.filesOf.get(process.id) || []).map(([file, number]) => element("li", { class: "file" }, fileLine(data, run, file, number)));
  const all = [...secrets, ...looks, ...wishes, ...asked, ...files];
  if (all.length === 0) return null;
  if (all.length <= 12) return element("ul", null, all);
  return fold(null, count(all.length, "thing") + " that it did", () => element("div", { class: "body" }, listOf(all, (item) => item, { class: "tree" })));
};

const fileLine = (data, run, file, number) =>
  [factLink(data, run, "file", number, file.path.replace(/^\/project\//, "")), " " + file.change];
