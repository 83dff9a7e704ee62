// Opens pages in headless Chromium and tells, as JSON on standard output, what was seen of
// each: requests, console errors, violations of accessibility, the times of the first paint,
// and what each step showed. It judges nothing: `main.rs` does.
//
// usage: node look.cjs JOBS.json. A job is
//   { name, file, routes: { NAME: "#/…" }, views: [[1280, "light"]], steps: [[…]], paints: 3, shots: "folder" }

"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
const TALLEST = 3000;
// A machine that does much else takes its time.
const PATIENCE = 180000;

const open = async (browser, job, width, scheme, told) => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("dialog", (dialog) => { told.errors.push("a dialog: " + dialog.message()); dialog.dismiss(); });
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) told.errors.push(message.text()); });
  page.on("pageerror", (error) => told.errors.push(String(error.stack || error)));
  page.on("request", (request) => told.requests.push(request.url()));
  return page;
};

// Shown, and drawn: two frames later nothing of this turn is left to do.
const settled = (page) =>
  page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 60)));

const visit = async (page, job, route) => {
  await page.goto("file://" + job.file + route);
  if (route.startsWith("#/run/") || route.includes("/search")) await page.waitForSelector("#view:not([hidden]) h1");
  await settled(page);
};

const violations = async (page) => {
  await page.evaluate(axe);
  const found = await page.evaluate((rules) =>
    // eslint-disable-next-line no-undef
    axe.run(document, { runOnly: { type: "tag", values: rules }, preload: false, resultTypes: ["violations"] }), RULES);
  return found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + " " + (node.any[0] || node.all[0] || node.none[0] || {}).message).join(" | ")}`);
};

const look = async (browser, job, told) => {
  for (const [name, route] of Object.entries(job.routes)) {
    const page = await open(browser, job, job.views[0][0], job.views[0][1], told);
    await visit(page, job, route);
    for (const [width, scheme] of job.views) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: scheme });
      await settled(page);
      const where = `${name} ${width} ${scheme}`;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) told.overflow.push(`${where}: ${wide}`);
      for (const violation of await violations(page)) told.violations.push(`${where}: ${violation}`);
      const height = Math.min(TALLEST, await page.evaluate(() => document.documentElement.scrollHeight));
      const shot = path.join(job.shots, `${job.name}-${name}-${width}-${scheme}.png`);
      await page.screenshot({ path: shot, clip: { x: 0, y: 0, width, height }, fullPage: true, timeout: PATIENCE });
    }
    await page.context().close();
  }
};

const step = async (page, [what, selector, value]) => {
  switch (what) {
    case "click": await page.locator(selector).first().click(); await settled(page); return null;
    case "fill": await page.locator(selector).first().fill(value); await settled(page); return null;
    case "choose": await page.locator(selector).first().selectOption(value); await settled(page); return null;
    case "press": await page.keyboard.press(selector); await settled(page); return null;
    case "go": await page.evaluate((hash) => { location.hash = hash; }, selector); await settled(page); return null;
    case "reload": await page.reload(); await settled(page); await page.waitForTimeout(300); return null;
    case "text": return page.locator(selector).first().innerText();
    case "all": return page.locator(selector).allInnerTexts();
    case "count": return page.locator(selector + ":visible").count();
    case "hash": return page.evaluate(() => location.hash);
    case "focus": return page.evaluate(() => document.activeElement.tagName + " " + document.activeElement.textContent.slice(0, 60));
    case "attribute": return page.locator(selector).first().getAttribute(value);
    case "save": {
      const [download] = await Promise.all([page.waitForEvent("download"), page.locator(selector).click()]);
      return fs.readFileSync(await download.path(), "utf8");
    }
    default: throw new Error("no step is called " + what);
  }
};

const act = async (browser, job, told) => {
  if (!job.steps) return;
  const page = await open(browser, job, 1280, "light", told);
  await visit(page, job, "");
  for (const one of job.steps) {
    try {
      told.steps.push(await step(page, one));
    } catch (error) {
      throw new Error(`${job.name}: ${JSON.stringify(one)} at ${page.url()}: ${error.message}`);
    }
  }
  await page.context().close();
};

const paint = async (browser, job, told) => {
  for (let round = 0; round < (job.paints || 0); round++) {
    const page = await open(browser, job, 1280, "light", told);
    await page.goto("file://" + job.file);
    await settled(page);
    // The entry may come after the page has settled: it is told of a frame that was shown.
    told.paints.push(await page.evaluate(() => new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("nothing was painted in 30 s")), 30_000);
      new PerformanceObserver((list, observer) => {
        const entry = list.getEntriesByName("first-contentful-paint")[0];
        if (!entry) return;
        observer.disconnect();
        resolve(entry.startTime);
      }).observe({ type: "paint", buffered: true });
    })));
    await page.context().close();
  }
};

const main = async () => {
  const { executable, jobs } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
  const browser = await chromium.launch({ executablePath: executable, args: FLAGS });
  const all = {};
  for (const job of jobs) {
    const told = { requests: [], errors: [], violations: [], overflow: [], paints: [], steps: [] };
    await paint(browser, job, told);
    await act(browser, job, told);
    await look(browser, job, told);
    all[job.name] = told;
  }
  await browser.close();
  process.stdout.write(JSON.stringify(all));
};

main().catch((error) => {
  process.stderr.write(String(error.stack || error) + "\n");
  process.exit(1);
});
