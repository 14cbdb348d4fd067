// The two tools that every client offers to the model, and what was called; and the form of a structured answer.

import { z } from "zod";

export const Person = z.object({ name: z.string(), age: z.number() });
export const Weather = z.object({ city: z.string() });
export const Note = z.object({ text: z.string() });

/** Remembers in `calls` what the model asked for, as the tools received it. */
export class Desk {
  calls = [];

  getWeather = ({ city }) => {
    this.calls.push(["get_weather", city]);
    return `${city}: 21 degrees`;
  };

  saveNote = ({ text }) => {
    this.calls.push(["save_note", text]);
    return `Saved: ${text}`;
  };
}
