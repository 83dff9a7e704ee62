// Text: what strangers wrote made harmless, amounts in words, and elements of the page.
// Knows nothing of reports. No text becomes HTML here or anywhere: it is `textContent`.

// The same characters as `report::terminal::safe`: they print nothing, or steer what does.
const STEERS =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ue000-\uf8ff\ud800-\udfff\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\u{f0000}-\u{10ffff}]/gu;

// A text of one line, clipped.
const safe = (text, most = 2000) => {
  const whole = String(text);
  const head = whole.length > most ? whole.slice(0, most) + "…" : whole;
  return head.replace(STEERS, (character) => {
    const code = character.codePointAt(0);
    if (code === 10) return "\\n";
    if (code === 13) return "\\r";
    if (code === 9) return "\\t";
    return code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u{" + code.toString(16) + "}";
  });
};

// A text of several lines.
const safeLines = (text) =>
  String(text).replace(/\n$/, "").split("\n").map((line) => safe(line.replace(/\r$/, ""))).join("\n");

// An element: attributes by name (`null` leaves one out), then children, which are texts,
// elements, lists of them, or nothing.
const element = (name, attributes, ...children) => {
  const node = name.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (key === "style") for (const [property, of] of Object.entries(value)) node.style.setProperty(property, of);
    // The outline of a shape is made of our own numbers, and can be long.
    else if (key === "d") node.setAttribute(key, value);
    else node.setAttribute(key, value === true ? "" : safe(value, 4000));
  }
  fill(node, children);
  return node;
};

const fill = (node, children) => {
  for (const child of children.flat(9)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child instanceof Node ? child : document.createTextNode(safe(child)));
  }
};

// A sentence in which back-ticks are round literals.
const prose = (text) => {
  const parts = String(text).split("`");
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, at) => (at % 2 ? element("code", null, part) : part));
};

// `1 error`, `2 errors`.
const count = (number, thing) => number + " " + thing + (number === 1 ? "" : "s");

// `910 ms`, `4.1 s`, `2 min 5 s`, as the terminal has it.
const time = (ms) => {
  if (ms < 1000) return ms + " ms";
  if (ms < 60000) return Math.floor(ms / 1000) + "." + Math.floor((ms % 1000) / 100) + " s";
  return Math.floor(ms / 60000) + " min " + Math.floor((ms % 60000) / 1000) + " s";
};

// `812 B`, `4.1 kB`; powers of 1000.
const size = (bytes) => {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < 3) [value, unit] = [value / 1000, unit + 1];
  return (unit ? (Math.floor(value * 10) / 10).toFixed(1) : value) + " " + ["B", "kB", "MB", "GB"][unit];
};

const sign = (name) =>
  element("svg:svg", { class: "sign " + name, "aria-hidden": "true", viewBox: "0 0 16 16" },
    element("svg:use", { href: "#sign-" + name }));

// As `html::mark` has it.
const verdictSign = (run) => {
  if (run.control && run.verdict === "leaked") return sign("trap");
  if (run.control && run.verdict === "sealed") return sign("unobserved");
  return sign(run.verdict === "not-applicable" ? "none" : run.verdict);
};

// As `scores::shape` has it: a drill is told by what became of it, not by its run's verdict.
const drillShape = (score) => {
  const attack = score.kind === "attack";
  const ran = attack ? "exposed" : "trap";
  const shapes = { stopped: "sealed", reported: ran, fact: ran, quiet: "trap", unobserved: "unobserved" };
  return shapes[score.outcome] || "unobserved";
};

const verdictWords = (run) =>
  run.verdict + (run.control ? (run.verdict === "leaked" ? ", as must" : ", no trap") : "");

const verdictMark = (run) => {
  const good = run.control ? run.verdict === "leaked" : run.verdict === "sealed";
  return element("span", { class: good ? "verdict good" : "verdict" }, verdictSign(run), element("span", null, verdictWords(run)));
};
