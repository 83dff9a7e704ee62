// As install scripts of packages with native parts do it.
const crypto = require("crypto");
const fs = require("fs");
const https = require("https");
const path = require("path");

const SHA256 = "7ef6ba31c0f17cc526ab0aab467e290d51194f5ccba5704d0f2dd67e80c140e0";

https.get("https://downloads.drill.example/prebuilt/linux.bin", (answer) => {
  const chunks = [];
  answer.on("data", (chunk) => chunks.push(chunk));
  answer.on("end", () => {
    const bytes = Buffer.concat(chunks);
    const found = crypto.createHash("sha256").update(bytes).digest("hex");
    if (found !== SHA256) throw new Error(`the binary's hash is ${found}`);
    fs.mkdirSync(path.join(__dirname, "bin"), { recursive: true });
    fs.writeFileSync(path.join(__dirname, "bin", "tool"), bytes, { mode: 0o755 });
  });
}).on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
