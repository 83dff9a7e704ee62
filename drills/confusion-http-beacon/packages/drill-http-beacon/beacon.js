// 192.0.2.0/24 is for documentation (RFC 5737) and nobody's.
const http = require("http");
const os = require("os");

const body = JSON.stringify({
  event: process.argv[2],
  host: os.hostname(),
  folder: process.cwd(),
  node: process.version,
});
const request = http.request({ host: "192.0.2.77", port: 8787, path: "/", method: "POST", timeout: 2000 });
request.on("error", () => {});
request.on("timeout", () => request.destroy());
request.end(body);
