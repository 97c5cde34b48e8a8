// @vitest-environment node

import { describe, expect, it } from "vitest";

import { allPayoutsSearch, anyFilter, dayBegins, dayEnds, earningsSearch, messagesSearch, monthSearch, overviewSearch, pageSearch, payoutsSearch, policiesSearch, providersSearch, reviewsSearch } from "./search.ts";

const ID = "01a20543-7da9-708d-8bda-1fafd772ae09";

describe("the address", () => {
  it("keeps what is understood", () => {
    const search = { status: "FAILED", risk: "review", provider: ID, batch: ID, needs_attention: true, from: "2026-11-01", to: "2026-11-22", cursor: "AgAGYOSQ" };
    expect(allPayoutsSearch(search)).toEqual(search);
    expect(allPayoutsSearch({ needs_attention: "false" })).toEqual({ needs_attention: false });
    expect(reviewsSearch({ payout: ID.toUpperCase() })).toEqual({ payout: ID });
  });

  it("drops what is not, rather than asking the API for it", () => {
    expect(allPayoutsSearch({ status: "PAID", risk: 1, provider: "x", batch: `${ID} or 1=1`, needs_attention: "yes", from: "22/11/2026", to: "2026-13-40", cursor: "x".repeat(101), extra: 1 })).toEqual({});
    expect(payoutsSearch({ status: ["FAILED"], cursor: "" })).toEqual({});
  });

  it("reads a month and nothing that only looks like one", () => {
    expect(monthSearch({ month: "2026-11", currency: "NGN" })).toEqual({ month: "2026-11", currency: "NGN" });
    for (const wrong of ["2026-13", "2026-1", 202611, "11/2026"]) expect(monthSearch({ month: wrong, currency: "EUR" })).toEqual({});
    expect(earningsSearch({ status: "PAID", from: "2026-11-01" })).toEqual({ from: "2026-11-01" });
  });

  it("knows the filters of every list of an admin", () => {
    const messages = { state: "failed", channel: "webhook", payout: ID };
    expect(messagesSearch(messages)).toEqual(messages);
    expect(messagesSearch({ state: "lost", channel: "fax", payout: "x" })).toEqual({});
    const providers = { q: "Ami", suspended: false, paused: true, in_debt: true };
    expect(providersSearch(providers)).toEqual(providers);
    expect(policiesSearch({ currency: "NGN", status: "SHADOW" })).toEqual({ currency: "NGN", status: "SHADOW" });
    // The router reads digits as a number.
    expect(overviewSearch({ days: 90, currency: "USD" })).toEqual({ days: "90" });
    expect(overviewSearch({ days: 31 })).toEqual({});
  });

  it("takes a cursor of digits, which the router has made a number of", () => {
    expect(pageSearch({ cursor: 12345 })).toEqual({ cursor: "12345" });
  });

  it("knows filters from pages", () => {
    expect(anyFilter({ cursor: "x" })).toBe(false);
    expect(anyFilter({ cursor: "x", status: "FAILED" })).toBe(true);
  });
});

describe("days", () => {
  it("begin at the reader's midnight and include the last one", () => {
    expect(new Date(dayBegins("2026-11-22") ?? "").getHours()).toBe(0);
    const end = new Date(dayEnds("2026-11-30") ?? "");
    expect([end.getMonth(), end.getDate(), end.getHours()]).toEqual([11, 1, 0]);
    expect(dayBegins(undefined)).toBeUndefined();
  });
});
