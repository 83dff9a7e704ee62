exports.loop = () => {
  for (;;) console.log("LIBERTY LIBERTY LIBERTY");
};
