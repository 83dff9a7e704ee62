module.exports = { tea: 3, bread: 4 };
