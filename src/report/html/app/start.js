// Shows what the fragment names, and again whenever it changes. Knows every view, and none of
// what they show.

const view = document.getElementById("view");
const main = document.getElementById("main");
const articles = [...document.querySelectorAll("article.project")];
const summary = document.getElementById("summary");
let current = 0;
let turn = 0;

const show = async (first) => {
  const route = routeOf(location.hash);
  const mine = ++turn;
  if (route === null) {
    // An id within a project, from the page as it was written.
    const target = document.getElementById(location.hash.slice(1));
    const article = target && target.closest("article.project");
    if (article) {
      overview(Number(article.dataset.page));
      target.scrollIntoView();
    }
    return;
  }
  const { page, parts } = route;
  mark();
  if (page === null) return overview(null, first);
  current = page;
  const [kind, ...rest] = parts;
  if (kind === undefined) return overview(page, first);
  if (kind === "findings" || kind === "about" || kind === "unseen") {
    overview(page, true);
    const target = document.getElementById(kind + "-" + page);
    if (target) {
      target.scrollIntoView();
      focusOn(target.querySelector("h2"));
    }
    return;
  }
  if (kind === "finding") {
    overview(page, true);
    if (!chooseFinding(articles[page], page, rest[0])) lost(page);
    return;
  }
  let data;
  try {
    data = await reportOf(page);
  } catch (error) {
    put([element("h1", { tabindex: "-1" }, "The report in this page could not be read"),
      element("p", { class: "notice" }, String(error && error.message), ". The file may be cut off, or the browser too old: it has to know `DecompressionStream`.")]);
    return;
  }
  if (mine !== turn) return;
  const content = contentOf(data, kind, rest);
  if (!content) return lost(page);
  put(content);
  if (!first) arrive();
};

const contentOf = (data, kind, rest) => {
  if (kind === "search") return searchView(data, rest);
  if (kind !== "run") return null;
  const run = data.runs.get(rest[0]);
  if (!run) return null;
  if (rest.length === 1) return runView(data, run);
  if (!Object.hasOwn(factKinds, rest[1])) return null;
  return factView(data, run, rest[1], Number(rest[2]));
};

const put = (content) => {
  for (const article of articles) article.hidden = true;
  if (summary) summary.hidden = true;
  view.replaceChildren();
  fill(view, [content]);
  view.hidden = false;
  navigation();
};

const lost = (page) => {
  put([element("h1", { tabindex: "-1" }, "There is no such thing in this report"),
    element("p", null, "The link points at something that this report does not have. ", link(linkTo(page), "Back to the overview"))]);
  arrive();
};

// A project as it was written, or the summary of all.
const overview = (page, still) => {
  view.hidden = true;
  view.replaceChildren();
  articles.forEach((article, at) => { article.hidden = at !== page; });
  if (summary) summary.hidden = page !== null;
  if (page !== null) filterFindings(articles[page]);
  navigation(page);
  if (!still) arrive();
};

// What is new is read from its beginning.
const arrive = () => {
  window.scrollTo(0, 0);
  focusOn(main.querySelector(":scope > :not([hidden]) h1"));
};

const focusOn = (heading) => {
  if (!heading) return;
  heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
};

const navigation = () => {
  const route = routeOf(location.hash) || { page: current };
  for (const part of document.querySelectorAll(".of-project")) part.hidden = Number(part.dataset.page) !== route.page;
  document.querySelector(".keep").hidden = route.page === null;
};

const mark = () => {
  const here = location.hash || "#/";
  for (const anchor of document.querySelectorAll(".side a")) {
    const target = anchor.getAttribute("href");
    const within = target.includes("/run/") && here.startsWith(target + "/");
    const same = here === target || here + "/" === target || here === target + "/" || (target.endsWith("/search") && here.startsWith(target));
    if (same || within) anchor.setAttribute("aria-current", same ? "page" : "true");
    else anchor.removeAttribute("aria-current");
  }
  const chosen = document.querySelector(".side [aria-current]");
  if (chosen) chosen.scrollIntoView({ block: "nearest" });
};

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.querySelector(".tools").append(keepJson(() => current), themeSwitch());
window.addEventListener("hashchange", () => show(false));
show(true);
