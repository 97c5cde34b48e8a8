// @vitest-environment jsdom
// @vitest-environment jsdom

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { ProblemError, type Schemas, Unheard } from "./client.ts";
import { fieldError, inWords, whatToDo } from "./problem.tsx";

const problem = (code: string, more: Partial<Schemas["Problem"]> = {}): Schemas["Problem"] => ({ type: "", status: 400, title: "The title", detail: "the detail", code, errors: [], ...more });

describe("a failure in words", () => {
  it("says what happened and what to do", () => {
    expect(inWords(new ProblemError(problem("insufficient_balance", { available: { amount: "12.50", currency: "NGN" } })))).toEqual({
      title: "The title.",
      detail: "The detail.",
      todo: expect.stringMatching(/^You can ask for up to .12.50\.$/),
    });
    expect(inWords(new Unheard()).todo).toMatch(/connection/);
    expect(inWords(new TypeError("x")).title).toBe("This page could not be shown.");
  });

  it("ties a field's mistake to the field", () => {
    const error = new ProblemError(problem("invalid_request", { errors: [{ field: "amount.amount", code: "too_long", detail: "too long" }] }));
    expect(fieldError(error, "amount")).toBe("too long");
    expect(fieldError(error, "bank_code")).toBeUndefined();
    expect(fieldError(new Unheard(), "amount")).toBeUndefined();
  });

  it("knows no code that the API does not have", () => {
    const documented = readFileSync(join(import.meta.dirname, "../../../docs/errors.md"), "utf8");
    const source = readFileSync(join(import.meta.dirname, "problem.tsx"), "utf8");
    const known = [...source.matchAll(/^ {4}case "(\w+)":/gm)].map(([, code]) => code);
    expect(known.length).toBeGreaterThan(20);
    for (const code of known) expect(documented, code).toContain(`## \`${code}\``);
    expect(whatToDo(problem("a_code_of_tomorrow"))).toBeUndefined();
  });
});
