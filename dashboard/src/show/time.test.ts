// @vitest-environment node

import { describe, expect, it } from "vitest";

import { formatDistance, formatExactly, formatSpan, formatWhen } from "./time.tsx";

const now = new Date("2026-11-22T21:48:00Z");
const LAGOS = "Africa/Lagos";

describe("formatWhen", () => {
  it("names the day only when it is not today where the reader is", () => {
    expect(formatWhen(new Date("2026-11-22T20:05:00Z"), now, "en-GB", LAGOS)).toBe("21:05");
    // Half past eleven in the evening UTC is tomorrow in Lagos.
    expect(formatWhen(new Date("2026-11-22T23:30:00Z"), now, "en-GB", LAGOS)).toBe("23 Nov, 00:30");
    expect(formatWhen(new Date("2025-01-03T08:00:00Z"), now, "en-GB", LAGOS)).toBe("3 Jan 2025, 09:00");
  });

  it("follows the reader's locale", () => {
    expect(formatWhen(new Date("2026-11-20T14:00:00Z"), now, "en-US", LAGOS).replace("\u202f", " ")).toBe("Nov 20, 3:00 PM");
    expect(formatExactly(new Date("2026-11-20T14:00:00Z"), "en-GB", LAGOS)).toMatch(/Friday.*20 November 2026.*15:00:00/);
  });
});

describe("formatDistance", () => {
  it("says how far away in one unit", () => {
    const after = (milliseconds: number): string => formatDistance(new Date(now.getTime() + milliseconds), now, "en-GB");
    expect(after(12 * 60_000)).toBe("in 12 min");
    expect(after(-3 * 3_600_000)).toBe("3 hr ago");
    expect(after(26 * 3_600_000)).toBe("tomorrow");
    expect(after(-2_000)).toBe("now");
  });
});

describe("formatSpan", () => {
  it("uses two units at most", () => {
    const span = (seconds: number): string => formatSpan(now, new Date(now.getTime() + seconds * 1000), "en-GB");
    expect(span(42)).toBe("42 secs");
    expect(span(125)).toBe("2 mins");
    expect(span(3 * 3600 + 300)).toBe("3 hrs 5 mins");
    expect(span(50 * 3600)).toBe("2 days 2 hrs");
    expect(span(-5)).toBe("< 1 sec");
  });
});
