#!/usr/bin/env node
const fs = require("fs");
const path = require("path");

const [from, to] = process.argv.slice(2);
fs.mkdirSync(to, { recursive: true });
for (const file of fs.readdirSync(from)) {
  const text = fs.readFileSync(path.join(from, file), "utf8").replace(/: number/g, "");
  fs.writeFileSync(path.join(to, file.replace(/\.ts$/, ".js")), text);
}
