import express from "express";
import pino from "pino";

const app = express();
const log = pino();

app.post("/chat", (request, response) => {
  log.info({ path: request.path, caller: request.header("x-caller") });
  response.json({});
});
