setInterval(() => console.log("LIBERTY LIBERTY LIBERTY"), 500);
