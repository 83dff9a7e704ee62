const fs = require("fs");
const https = require("https");

const gone = () => {
  try {
    return /^State:\s*[ZX]/m.test(fs.readFileSync(`/proc/${process.argv[2]}/status`, "utf8"));
  } catch {
    return true;
  }
};
const timer = setInterval(() => {
  if (!gone()) return;
  clearInterval(timer);
  https.get("https://late.drill.example/", (answer) => answer.resume()).on("error", () => {});
}, 10);
