exports.inBrowser = () => typeof window !== "undefined";
