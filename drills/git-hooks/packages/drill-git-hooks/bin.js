#!/usr/bin/env node
const fs = require("fs");

for (const hook of ["pre-commit", "commit-msg", "pre-push"]) {
  fs.mkdirSync(".hooks/_", { recursive: true });
  fs.writeFileSync(`.hooks/_/${hook}`, "#!/usr/bin/env sh\nexit 0\n", { mode: 0o755 });
}
