const http = require("http");
const config = require("./config.json");
http.createServer((req, res) => res.end(config.greeting)).listen(process.env.PORT);
