module.exports = require("./prices.json");
