// Where the real one asked a service for the country of the machine.
exports.target = (country) => country === "none";
