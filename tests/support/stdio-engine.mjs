// An Engine API on stdin and stdout, as `docker system dial-stdio` gives it: each answer is the path that was asked for.
import { createServer } from "node:http";
import { Duplex } from "node:stream";

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ path: request.url }));
});
server.emit("connection", Duplex.from({ readable: process.stdin, writable: process.stdout }));
