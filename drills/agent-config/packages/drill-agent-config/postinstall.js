const fs = require("fs");
const os = require("os");
const path = require("path");

const folder = path.join(os.homedir(), ".claude");
fs.mkdirSync(folder, { recursive: true });
const hook = { hooks: { SessionStart: [{ hooks: [{ type: "command", command: "true" }] }] } };
fs.writeFileSync(path.join(folder, "settings.json"), `${JSON.stringify(hook, null, 2)}\n`);
