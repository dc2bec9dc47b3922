import express from "express";
import client from "prom-client";

const app = express();
const seconds = new client.Histogram({ name: "answer_seconds", help: "Seconds for an answer." });

app.post("/chat", (request, response) => {
  seconds.startTimer()();
  response.json({});
});
