// Where the real one decrypted its payload with the description of the program that imports it.
exports.meantFor = (description) => description === "a wallet that nobody has";
