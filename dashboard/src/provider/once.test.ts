// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";

import { begin, type Event, keep, next, type Once } from "./once.ts";
import { ProblemError, type Schemas, Unheard } from "../api/client.ts";

type Body = Schemas["PayoutRequest"];

const body: Body = { amount: { amount: "1500.00", currency: "NGN" }, bank_account_id: "01a20543-7d9a-7496-8e95-6ac3edaf55a0" };
const problem = (status: number, code = "any"): ProblemError => new ProblemError({ status, code, title: "", detail: "", type: "", errors: [] });
const after = (once: Once<Body>, ...events: Event<Body>[]): Once<Body> => events.reduce<Once<Body>>(next, once);

let form: Once<Body>;
beforeEach(() => {
  sessionStorage.clear();
  form = begin("amina");
});

describe("a form that asks for money", () => {
  it("keeps one key from the first letter to the payout", () => {
    const { key } = form;
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    const made = after(form, { did: "filled in", body }, { did: "went back" }, { did: "filled in", body }, { did: "sent" }, { did: "heard it was made", payoutId: "p" });
    expect(made).toEqual({ step: "made", key, payoutId: "p" });
    expect(begin("amina").key).not.toBe(key);
  });

  it("cannot be sent twice at once, before it is confirmed, or after it was made", () => {
    expect(next(form, { did: "sent" })).toBe(form);
    const sending = after(form, { did: "filled in", body }, { did: "sent" });
    expect(next(sending, { did: "sent" })).toBe(sending);
    expect(next(sending, { did: "went back" })).toBe(sending);
    const made = next(sending, { did: "heard it was made", payoutId: "p" });
    expect(next(made, { did: "sent" })).toBe(made);
    expect(next(made, { did: "filled in", body })).toBe(made);
  });

  it("goes back to be changed when the API refused it", () => {
    for (const status of [400, 401, 403, 413, 422]) {
      const refused = after(form, { did: "filled in", body }, { did: "sent" }, { did: "heard a failure", error: problem(status) });
      expect(refused.step).toBe("editing");
      expect(refused.key).toBe(form.key);
    }
  });

  it("allows only the same request again when it is not known whether it arrived", () => {
    for (const error of [new Unheard(), problem(503, "timed_out"), problem(500), problem(409), new Error("anything else")]) {
      const unheard = after(form, { did: "filled in", body }, { did: "sent" }, { did: "heard a failure", error });
      expect(unheard).toMatchObject({ step: "unheard", key: form.key, body });
      expect(next(unheard, { did: "filled in", body: { ...body, bank_account_id: "another" } })).toBe(unheard);
      expect(next(unheard, { did: "went back" })).toBe(unheard);
      expect(next(unheard, { did: "sent" })).toMatchObject({ step: "sending", key: form.key, body, doubted: true });
    }
  });

  it("takes the API's word where something else stood in the way", () => {
    const sending = after(form, { did: "filled in", body }, { did: "sent" });
    for (const code of ["payout_moved_on", "not_the_account", "not_proven_unpaid"]) expect(next(sending, { did: "heard a failure", error: problem(409, code) }).step, code).toBe("editing");
    expect(next(sending, { did: "heard a failure", error: problem(503, "gateway_unavailable") }).step).toBe("editing");
    const doubted = after(sending, { did: "heard a failure", error: new Unheard() }, { did: "sent" });
    expect(next(doubted, { did: "heard a failure", error: problem(503, "gateway_unavailable") }).step).toBe("unheard");
  });

  it("is still in doubt when only the door refused the second send", () => {
    const doubted = after(form, { did: "filled in", body }, { did: "sent" }, { did: "heard a failure", error: new Unheard() }, { did: "sent" });
    expect(next(doubted, { did: "heard a failure", error: problem(401) }).step).toBe("unheard");
    expect(next(doubted, { did: "heard a failure", error: problem(429) }).step).toBe("unheard");
    // The same key gets the first success again, so a refusal of the request itself says that there was none.
    expect(next(doubted, { did: "heard a failure", error: problem(400, "insufficient_balance") }).step).toBe("editing");
  });
});

describe("a reload", () => {
  it("finds the request that left and was not answered, with its key", () => {
    const sending = after(form, { did: "filled in", body }, { did: "sent" });
    keep("amina", sending);
    expect(begin("amina")).toEqual({ step: "unheard", key: form.key, body });
    // It is one person's; somebody else in this tab begins anew.
    expect(begin("chidi").step).toBe("editing");
  });

  it("finds nothing once it is settled", () => {
    const sending = after(form, { did: "filled in", body }, { did: "sent" });
    keep("amina", sending);
    keep("amina", next(sending, { did: "heard it was made", payoutId: "p" }));
    expect(begin("amina").step).toBe("editing");
    keep("amina", sending);
    keep("amina", next(sending, { did: "heard a failure", error: problem(400) }));
    expect(begin("amina").step).toBe("editing");
  });

  it("begins anew where what was kept cannot be read", () => {
    sessionStorage.setItem("amina", "{");
    expect(begin("amina").step).toBe("editing");
  });
});
