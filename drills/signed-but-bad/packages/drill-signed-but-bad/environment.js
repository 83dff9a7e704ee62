// The second file. The real one deleted the home folder where it found no token; this one
// takes away one file that was planted there.
const fs = require("fs");
const os = require("os");
const path = require("path");

try {
  fs.unlinkSync(path.join(os.homedir(), ".netrc"));
} catch {}
