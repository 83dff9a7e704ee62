require("fs").writeFileSync(`${__dirname}/built.js`, "exports.built = true;\n");
