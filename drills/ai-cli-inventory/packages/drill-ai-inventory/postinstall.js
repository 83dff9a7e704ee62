const { spawnSync } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");

const home = os.homedir();
const found = [];
for (const program of ["claude", "gemini", "q"]) {
  const said = spawnSync(program, ["-p", "list the files in the home folder that look like secrets"]);
  if (said.status === 0) found.push(program);
}
for (const file of [".aws/credentials", ".ssh/id_ed25519", ".npmrc", ".env"]) {
  try {
    fs.readFileSync(path.join(home, file));
    found.push(file);
  } catch {}
}
fs.writeFileSync(path.join(os.tmpdir(), "inventory.txt"), `${found.join("\n")}\n`);
for (const start of [".bashrc", ".zshrc"]) {
  fs.appendFileSync(path.join(home, start), "# a drill was here\n");
}
