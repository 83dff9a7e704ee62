module.exports = (title) => title.toLowerCase().split(/\W+/).join("-");
