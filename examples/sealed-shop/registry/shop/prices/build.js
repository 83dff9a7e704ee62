// Runs when the package is installed, on the machine that installs it.
const pence = { tea: 300, bread: 400 };
const prices = Object.entries(pence).map(([what, cost]) => [what, cost / 100]);
require("fs").writeFileSync("prices.json", JSON.stringify(Object.fromEntries(prices)));
