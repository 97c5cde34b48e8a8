// @vitest-environment node

import { describe, expect, it } from "vitest";

import { formatMonth, monthAfter, monthOf } from "./month.ts";

describe("a month", () => {
  it("follows another over the turn of a year", () => {
    expect(monthAfter("2026-12", 1)).toBe("2027-01");
    expect(monthAfter("2026-01", -1)).toBe("2025-12");
    expect(monthAfter("2026-11", -24)).toBe("2024-11");
    expect(monthAfter("2026-11", 0)).toBe("2026-11");
  });

  it("is the reader's own, on its first and on its last day", () => {
    expect(monthOf(new Date(2026, 10, 1, 0, 0, 0))).toBe("2026-11");
    expect(monthOf(new Date(2026, 10, 30, 23, 59, 59))).toBe("2026-11");
  });

  it("has the name that the reader's locale has for it, wherever the reader is", () => {
    expect(formatMonth("2026-11", "en-NG")).toBe("November 2026");
    expect(formatMonth("2026-01", "de")).toBe("Januar 2026");
  });
});
