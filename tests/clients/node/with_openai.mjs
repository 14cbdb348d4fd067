// OpenAI's own Node client: its tool runner (plain and streamed), its parser with zod, a picture.

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { Desk, Note, Person, Weather } from "./desk.mjs";
import { messagesOf, serve } from "./task_loop.mjs";

const connected = ({ base_url: baseURL }) =>
  new OpenAI({ baseURL, apiKey: "key", maxRetries: 0 }).chat.completions;

function runnable(name, description, schema, callback) {
  const parameters = z.toJSONSchema(schema);
  return { type: "function", function: { name, description, parameters, parse: JSON.parse, function: callback } };
}

function run(ask, desk, options) {
  const tools = [
    runnable("get_weather", "Get the weather in a city.", Weather, desk.getWeather),
    runnable("save_note", "Save a note.", Note, desk.saveNote),
  ];
  return connected(ask).runTools({ model: ask.model, messages: messagesOf(ask), tools, ...options });
}

async function stream(ask) {
  const chunks = await connected(ask).create({ model: ask.model, messages: messagesOf(ask), stream: true });
  const pieces = [];
  for await (const chunk of chunks) {
    for (const choice of chunk.choices) if (choice.delta.content) pieces.push(choice.delta.content);
  }
  return { pieces };
}

async function tools(ask) {
  const desk = new Desk();
  return { text: await run(ask, desk, {}).finalContent(), calls: desk.calls };
}

async function toolsStreamed(ask) {
  const desk = new Desk();
  return { text: await run(ask, desk, { stream: true }).finalContent(), calls: desk.calls };
}

async function structured(ask) {
  const response_format = zodResponseFormat(Person, "person");
  const completion = await connected(ask).parse({ model: ask.model, messages: messagesOf(ask), response_format });
  return { value: completion.choices[0].message.parsed };
}

async function image(ask) {
  const completion = await connected(ask).create({ model: ask.model, messages: messagesOf(ask) });
  return { text: completion.choices[0].message.content };
}

await serve({ stream, tools, tools_streamed: toolsStreamed, structured, image });
