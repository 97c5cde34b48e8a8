// @vitest-environment jsdom

import { describe, expect, it } from "vitest";

import { isTaken, wordsOf } from "./act.tsx";
import { ProblemError, type Schemas, Unheard } from "../api/client.ts";

describe("what an admin is asked before they act", () => {
  it("says which of two approvals theirs is", () => {
    expect(wordsOf("approve", { given: 0, needed: 1 }).press).toBe("Approve");
    expect(wordsOf("approve", { given: 0, needed: 2 }).press).toBe("Approve as the first");
    expect(wordsOf("approve", { given: 1, needed: 2 }).press).toBe("Approve as the second");
    expect(wordsOf("approve", undefined).press).toBe("Approve");
  });

  it("says that a first approval is taken back, and not a decision", () => {
    expect(wordsOf("undo", { given: 1, needed: 2 }).does).toMatch(/stays under review/);
    expect(wordsOf("undo", undefined).does).toMatch(/no batch has taken it/);
  });

  it("says the same of a rejection however many must approve", () => {
    expect(wordsOf("reject", { given: 1, needed: 2 })).toEqual(wordsOf("reject", undefined));
  });

  it("offers to decide anyway only over what somebody has taken on", () => {
    const refused = (code: string): ProblemError => new ProblemError({ type: "", status: 409, title: "", detail: "", code, errors: [] } satisfies Schemas["Problem"]);
    expect(isTaken(refused("review_taken"))).toBe(true);
    expect(isTaken(refused("payout_moved_on"))).toBe(false);
    expect(isTaken(new Unheard())).toBe(false);
  });
});
