// Does not import what it depends on.
exports.get = () => null;
