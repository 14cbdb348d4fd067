// The other end of tests/clients/client_process.py: reads one task a line, does it, answers with one line of JSON.

import { createInterface } from "node:readline";

/** Answer until the input ends; whatever a task throws is its answer. */
export async function serve(tasks) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { task, ...ask } = JSON.parse(line);
    let answer;
    try {
      answer = await tasks[task](ask);
    } catch (error) {
      answer = { error: error.stack ?? String(error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
}

/** The task in OpenAI's own form. */
export function messagesOf({ system, prompt, image }) {
  const content = image
    ? [
        { type: "text", text: prompt },
        { type: "image_url", image_url: { url: image } },
      ]
    : prompt;
  return [
    { role: "system", content: system },
    { role: "user", content },
  ];
}
