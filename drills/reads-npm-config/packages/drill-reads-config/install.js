const fs = require("fs");
const os = require("os");
const path = require("path");

const names = Object.keys(process.env).filter((name) => name.startsWith("npm_config_"));
const chosen = {
  platform: `${process.platform}-${process.arch}`,
  release: os.release(),
  modules: process.versions.modules,
  fromSource: process.env.npm_config_build_from_source === "true",
  configured: names.length,
};
fs.writeFileSync(path.join(__dirname, "chosen.json"), `${JSON.stringify(chosen)}\n`);
