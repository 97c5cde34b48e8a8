import { describe, expect, it } from "vitest";

import { asRules, asTyped, mistake, RULES, type Rules, thresholdWords } from "./rules.ts";

const rules: Rules = {
  amount: { mode: "enforced", at_most: "50000.00" },
  amount_against_baseline: { mode: "informational", at_most_times: 3 },
  provider_verified: { mode: "enforced" },
  provider_suspended: { mode: "enforced" },
  provider_age: { mode: "off", days: 30 },
  successful_payouts: { mode: "enforced", at_least: 3 },
  recent_failures: { mode: "enforced", at_most: 0, within_days: 30 },
  bank_details_changed: { mode: "enforced", days: 7 },
  shared_bank_account: { mode: "enforced", at_most: 0 },
  account_name: { mode: "enforced", accept: "similar" },
  requests_per_day: { mode: "enforced", at_most: 5 },
  sum_per_day: { mode: "enforced", at_most: "200000.50" },
  requests_per_week: { mode: "enforced", at_most: 20 },
  sum_per_week: { mode: "enforced", at_most: "1000000.00" },
  requests_against_baseline: { mode: "enforced", at_most_times: 4, from_requests: 3 },
  sum_against_baseline: { mode: "informational", at_most_times: 5, from_amount: "300000.00" },
};

describe("the form of a risk policy", () => {
  it("gives back the rules that it was filled with", () => {
    expect(asRules(asTyped(rules))).toEqual(rules);
  });

  it("has every rule that the API has, once", () => {
    expect(RULES.map((rule) => rule.name).toSorted()).toEqual(Object.keys(rules).toSorted());
  });

  it("knows an amount and a number when it sees one", () => {
    const of = (name: string) => RULES.find((rule) => rule.name === name)?.thresholds[0];
    const amount = of("amount");
    const days = of("provider_age");
    if (!amount || !days) throw new Error("a rule has no threshold");
    expect(mistake(amount, "50,000")).toBeUndefined();
    expect(mistake(amount, "a lot")).toMatch(/digits/);
    expect(mistake(days, "30")).toBeUndefined();
    expect(mistake(days, "-1")).toMatch(/whole number/);
    expect(mistake(days, "")).toMatch(/whole number/);
  });

  it("says what a rule compares with", () => {
    const words = (name: string) => {
      const rule = RULES.find((each) => each.name === name);
      return rule && thresholdWords(rule, rules, "NGN");
    };
    expect(words("recent_failures")).toBe("at most 0 failures, within 30 days");
    expect(words("amount")).toMatch(/^at most .50,000\.00$/);
    expect(words("provider_verified")).toBe("–");
  });
});
