// Links within the page. They are fragments, so that they survive a reload and can be sent
// on with the file: `#/run/baseline-1/exchange/3`, behind `#/project/2` where there are many.

const pages = document.querySelectorAll("article.project").length;

const linkTo = (page, ...parts) =>
  (pages === 1 ? "#/" : "#/project/" + page + "/") + parts.map((part) => encodeURIComponent(String(part).toWellFormed())).join("/");

// `{ page, parts }` of a fragment, or `null` where it is none of ours.
const routeOf = (hash) => {
  if (hash === "" || hash === "#") hash = "#/";
  if (!hash.startsWith("#/")) return null;
  let parts;
  try {
    parts = hash.slice(2).split("/").map(decodeURIComponent);
  } catch {
    parts = [];
  }
  while (parts.length && parts[parts.length - 1] === "") parts.pop();
  if (pages === 1) return { page: 0, parts };
  const page = Number(parts[1]);
  if (parts[0] !== "project" || !(page >= 0 && page < pages)) return { page: null, parts: [] };
  return { page, parts: parts.slice(2) };
};

const link = (href, ...children) => element("a", { href }, children);
const runLink = (data, run, text) => link(linkTo(data.page, "run", run.id), text || runName(data, run));
const factLink = (data, run, kind, at, ...children) => link(linkTo(data.page, "run", run.id, kind, at), children);

// A run by its scenario, or by its id where that is not enough.
const runName = (data, run) =>
  data.report.runs.filter((other) => other.scenario === run.scenario).length === 1 ? run.scenario : run.id;
