// Vercel's AI SDK: `node with_ai_sdk.mjs responses` (its OpenAI provider's default), `openai` (that provider's chat model)
// or `compatible` (the other provider).

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";

import { Desk, Note, Person, Weather } from "./desk.mjs";
import { serve } from "./task_loop.mjs";

const MODELS = {
  responses: ({ base_url: baseURL, model }) => createOpenAI({ baseURL, apiKey: "key" })(model),
  openai: ({ base_url: baseURL, model }) => createOpenAI({ baseURL, apiKey: "key" }).chat(model),
  compatible: ({ base_url: baseURL, model }) =>
    createOpenAICompatible({
      name: "gateway",
      baseURL,
      apiKey: "key",
      supportsStructuredOutputs: true,
      includeUsage: true,
    }).chatModel(model),
};
const modelOf = MODELS[process.argv[2]];

const asked = (ask) => ({ model: modelOf(ask), system: ask.system, prompt: ask.prompt, maxRetries: 0 });

const withTools = (ask, desk) => ({
  ...asked(ask),
  stopWhen: stepCountIs(6),
  tools: {
    get_weather: tool({ description: "Get the weather in a city.", inputSchema: Weather, execute: desk.getWeather }),
    save_note: tool({ description: "Save a note.", inputSchema: Note, execute: desk.saveNote }),
  },
});

const thrown = ({ error }) => {
  throw error;
};

async function stream(ask) {
  const pieces = [];
  for await (const piece of streamText({ ...asked(ask), onError: thrown }).textStream) pieces.push(piece);
  return { pieces };
}

async function tools(ask) {
  const desk = new Desk();
  return { text: (await generateText(withTools(ask, desk))).text, calls: desk.calls };
}

async function toolsStreamed(ask) {
  const desk = new Desk();
  const run = streamText({ ...withTools(ask, desk), onError: thrown });
  return { text: await run.text, calls: desk.calls };
}

async function structured(ask) {
  return { value: (await generateText({ ...asked(ask), output: Output.object({ schema: Person }) })).output };
}

async function structuredAgent(ask) {
  const desk = new Desk();
  const output = Output.object({ schema: Person });
  return { value: (await generateText({ ...withTools(ask, desk), output })).output, calls: desk.calls };
}

async function image(ask) {
  const content = [
    { type: "text", text: ask.prompt },
    { type: "image", image: ask.image },
  ];
  const { prompt, ...rest } = asked(ask);
  return { text: (await generateText({ ...rest, messages: [{ role: "user", content }] })).text };
}

// The tools of OpenAI's that the client runs, each in a plain and in a streamed run.
async function clientTools(ask) {
  const openai = createOpenAI({ baseURL: ask.base_url, apiKey: "key" });
  const calls = [];
  const ran = (name, command, output) => {
    calls.push([name, command]);
    return output;
  };
  const done = [{ stdout: "done", stderr: "", outcome: { type: "exit", exitCode: 0 } }];
  const offered = {
    shell: openai.tools.shell({ execute: ({ action }) => ran("shell", action.commands[0], { output: done }) }),
    local_shell: openai.tools.localShell({
      execute: ({ action }) => ran("local_shell", action.command[0], { output: "done" }),
    }),
    apply_patch: openai.tools.applyPatch({
      execute: ({ operation }) => ran("apply_patch", operation.path, { status: "completed", output: "done" }),
    }),
  };
  const texts = [];
  for (const [name, offeredTool] of Object.entries(offered)) {
    const run = {
      ...asked(ask),
      tools: { [name]: offeredTool },
      stopWhen: stepCountIs(3),
      prepareStep: ({ stepNumber }) => (stepNumber ? {} : { toolChoice: { type: "tool", toolName: name } }),
    };
    texts.push((await generateText(run)).text);
    texts.push(await streamText({ ...run, onError: thrown }).text);
  }
  return { texts, calls };
}

await serve({
  stream,
  tools,
  tools_streamed: toolsStreamed,
  structured,
  structured_agent: structuredAgent,
  image,
  client_tools: clientTools,
});
