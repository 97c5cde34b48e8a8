// @vitest-environment node

import { describe, expect, it } from "vitest";

import { decimal, formatMoney, formatRoughly, isZero, parseAmount, sum, units, withMoney } from "./money.ts";

describe("formatMoney", () => {
  it("groups and marks decimals as the reader's locale does", () => {
    expect(formatMoney({ amount: "1234567.50", currency: "NGN" }, { locale: "en-NG" })).toBe("₦1,234,567.50");
    expect(formatMoney({ amount: "1234567.50", currency: "NGN" }, { locale: "de" })).toBe("1.234.567,50\u00a0₦");
    expect(formatMoney({ amount: "12.00", currency: "KES" }, { locale: "en-KE" })).toBe("Ksh\u00a012.00");
  });

  it("shows every digit of an amount that no float can hold", () => {
    expect(formatMoney({ amount: "9999999999999999.99", currency: "NGN" }, { locale: "en-NG" })).toBe("₦9,999,999,999,999,999.99");
    expect(formatMoney({ amount: "0.10", currency: "NGN" }, { locale: "en-NG" })).toBe("₦0.10");
  });

  it("shows a fee with the decimals it has, and never fewer than two", () => {
    expect(formatMoney({ amount: "26.875", currency: "NGN" }, { locale: "en-NG" })).toBe("₦26.875");
    expect(formatMoney({ amount: "26.5000", currency: "NGN" }, { locale: "en-NG" })).toBe("₦26.50");
    expect(formatMoney({ amount: "26", currency: "NGN" }, { locale: "en-NG" })).toBe("₦26.00");
  });

  it("marks what comes in and what goes out on a ledger line", () => {
    expect(formatMoney({ amount: "5.00", currency: "NGN" }, { locale: "en-NG", signed: true })).toBe("+₦5.00");
    expect(formatMoney({ amount: "-5.00", currency: "NGN" }, { locale: "en-NG", signed: true })).toBe("-₦5.00");
    expect(formatMoney({ amount: "0.00", currency: "NGN" }, { locale: "en-NG", signed: true })).toBe("₦0.00");
  });

  it("finds the amounts in a sentence of the API's", () => {
    expect(withMoney("You asked for 64000.50 NGN. It is reserved.", "en-NG")).toBe("You asked for ₦64,000.50. It is reserved.");
    expect(withMoney("fewer than 2 in 30 days", "en-NG")).toBe("fewer than 2 in 30 days");
  });

  it("rounds only for the axis of a chart", () => {
    expect(formatRoughly({ amount: "1234567.50", currency: "NGN" }, "en-NG")).toBe("₦1.2M");
  });
});

describe("arithmetic", () => {
  it("is exact", () => {
    expect(sum([{ amount: "0.10", currency: "NGN" }, { amount: "0.20", currency: "NGN" }], "NGN")).toEqual({ amount: "0.30", currency: "NGN" });
    expect(sum([{ amount: "9999999999999999.99", currency: "NGN" }, { amount: "0.01", currency: "NGN" }], "NGN").amount).toBe("10000000000000000.00");
    expect(sum([{ amount: "1.00", currency: "GHS" }], "NGN").amount).toBe("0.00");
  });

  it("comes back from units as it went in", () => {
    for (const amount of ["0.00", "-0.05", "26.875", "1500.00", "-35600.00", "0.0001"]) expect(decimal(units(amount))).toBe(amount);
    expect(isZero({ amount: "-0.0000", currency: "NGN" })).toBe(true);
  });

  it("refuses what is not a plain decimal", () => {
    for (const amount of ["1e3", "+1", "1,000", "", "1.00001", "NaN"]) expect(() => units(amount)).toThrow();
  });
});

describe("parseAmount", () => {
  it("takes what people type", () => {
    for (const typed of ["1500", "1500.00", "1,500", " ₦1,500.00 ", "NGN 1500", "01500.0"]) {
      expect(parseAmount(typed, "en-NG")).toEqual({ ok: true, amount: "1500.00" });
    }
    expect(parseAmount("1.500,5", "de")).toEqual({ ok: true, amount: "1500.50" });
    expect(parseAmount("1\u202f500,50", "fr")).toEqual({ ok: true, amount: "1500.50" });
  });

  it("says what is wrong with the rest", () => {
    const why = (typed: string): string => {
      const parsed = parseAmount(typed, "en-NG");
      return parsed.ok ? "" : parsed.why;
    };
    expect(why("")).toBe("Enter an amount.");
    expect(why("0")).toBe("Enter more than zero.");
    expect(why("-5")).toMatch(/digits only, such as 1,500\.00/);
    expect(why("1e3")).toMatch(/digits only/);
    expect(why("1.005")).toBe("An amount has at most two decimals.");
    expect(why("12345678901234567")).toBe("This amount is too large.");
  });
});
