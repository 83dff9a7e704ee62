const env = process.env;
const on = (name) => name in env && env[name] !== "0" && env[name] !== "false";

const silent = ["silent", "error", "warn"].includes(env.npm_config_loglevel);
if (!on("ADBLOCK") && !on("CI") && !on("DISABLE_OPENCOLLECTIVE") && !silent) {
  console.log("\u001B[96mThank you for using a control of sealcheck's drills!\u001B[0m");
}
