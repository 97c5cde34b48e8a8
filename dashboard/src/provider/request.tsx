// Asking for a payout: the amount and where it goes, then once more in words, then sent exactly once (`once.ts`).

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { AccountOptions, AccountWords, isUsable } from "./account-options.tsx";
import { balance, bankAccounts, quote } from "./queries.ts";
import { UnheardOf } from "./unheard.tsx";
import { type Form, useOnce } from "./use-once.ts";
import { answer, api, ProblemError, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice, whatToDo } from "../api/problem.tsx";
import { formatMoney, formatPlain, parseAmount, units, withMoney } from "../show/money.ts";
import { Money } from "../show/status.tsx";
import { formatWhen, useNow } from "../show/time.tsx";
import { Action, ActionLink } from "../ui/action.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Back, Facts, Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

type Body = Schemas["PayoutRequest"];

export function RequestPayout() {
  const { once, tell } = useOnce<Body>("payout-request", (key, body) => answer(api.POST("/api/provider/payouts", { params: { header: { "Idempotency-Key": key } }, body })));
  const asked = useQuery(balance);
  const accounts = useQuery(bankAccounts);
  const title = once.step === "confirming" || once.step === "sending" ? "Confirm the payout" : "Request a payout";
  return (
    <Page title={title} back={<Back to="/provider">Balance</Back>}>
      <div className="narrow">
        <Answered asked={asked}>
          {(balances) => <Answered asked={accounts}>{(items) => <Steps once={once} tell={tell} balances={balances} accounts={items} />}</Answered>}
        </Answered>
      </div>
    </Page>
  );
}

function Steps({ once, tell, balances, accounts }: Form<Body> & { balances: readonly Schemas["Balance"][]; accounts: readonly Schemas["BankAccount"][] }) {
  // Kept while the form goes back and forth between filling in and confirming.
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState<string>();
  switch (once.step) {
    case "editing":
      if (accounts.length === 0) {
        return (
          <Empty
            icon="bank"
            title="Where should it go?"
            action={
              <ActionLink to="/provider/bank-accounts" kind="main">
                Add a bank account
              </ActionLink>
            }
          >
            Add a bank account first. The first one can be paid to at once.
          </Empty>
        );
      }
      return <FillIn refusal={once.refusal} typed={typed} setTyped={setTyped} chosen={chosen} setChosen={setChosen} balances={balances} accounts={accounts} onDone={(body) => tell({ did: "filled in", body })} />;
    case "confirming":
    case "sending":
      return <Confirm body={once.body} account={accounts.find((each) => each.id === once.body.bank_account_id)} sending={once.step === "sending"} tell={tell} />;
    case "unheard":
      return <UnheardOf amount={once.body.amount} error={once.error} tell={tell} />;
    case "made":
      return (
        <p role="status" className="notice notice-green">
          <Icon name="check" />
          <span>Requested. Its page opens.</span>
        </p>
      );
  }
}

interface Filling {
  readonly refusal: unknown;
  readonly typed: string;
  readonly setTyped: (typed: string) => void;
  readonly chosen: string | undefined;
  readonly setChosen: (id: string) => void;
  readonly balances: readonly Schemas["Balance"][];
  readonly accounts: readonly Schemas["BankAccount"][];
  readonly onDone: (body: Body) => void;
}

function FillIn({ refusal, typed, setTyped, chosen, setChosen, balances, accounts, onDone }: Filling) {
  const now = useNow();
  const [tried, setTried] = useState(false);
  const refusedAt = refusal === undefined ? undefined : fieldOf(refusal);
  const refusedAmount = useRef(typed);
  const refusedAccount = useRef(chosen ?? "");
  const usable = accounts.filter((each) => isUsable(each, now));
  const account = accounts.find((each) => each.id === chosen) ?? usable[0];
  const currency = (account?.currency ?? "NGN") as Schemas["Money"]["currency"];
  const available = balances.find((each) => each.currency === currency)?.available ?? { amount: "0.00", currency };
  const parsed = parseAmount(typed);
  const tooMuch = parsed.ok && units(parsed.amount) > units(available.amount);
  const wrong = !parsed.ok ? parsed.why : tooMuch ? `You have ${formatMoney(available)} available.` : undefined;
  // What the API refused is said at the field that it is about, until the field is changed; the rest above the form.
  const ofTheAmount = refusedAt === "amount" && typed === refusedAmount.current ? (fieldError(refusal, "amount") ?? inOneLine(refusal)) : undefined;
  const ofTheAccount = refusedAt === "account" && (chosen ?? "") === refusedAccount.current ? (fieldError(refusal, "bank_account_id") ?? inOneLine(refusal)) : undefined;
  const amountField = useRef<HTMLInputElement>(null);
  const refused = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (refusal === undefined) return;
    if (refusedAt === "amount") amountField.current?.focus();
    else refused.current?.focus();
  }, [refusal, refusedAt]);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!parsed.ok || tooMuch || !account) {
      amountField.current?.focus();
      return;
    }
    onDone({ amount: { amount: parsed.amount, currency }, bank_account_id: account.id });
  };

  return (
    <form className="form card" onSubmit={submit} noValidate>
      {refusal !== undefined && refusedAt !== "amount" && (
        <div ref={refused} tabIndex={-1}>
          <ProblemNotice error={refusal} />
        </div>
      )}
      <Field
        label="Amount"
        before={currency}
        input={{ ref: amountField, inputMode: "decimal", className: "amount-input", placeholder: formatPlain("0.00") }}
        help={
          <>
            <Money value={available} /> available.{" "}
            <button type="button" className="link-button" onClick={() => setTyped(formatPlain(available.amount))}>
              Everything
            </button>
          </>
        }
        error={tried || tooMuch ? (wrong ?? ofTheAmount) : ofTheAmount}
        value={typed}
        onChange={setTyped}
        isRequired
        autoComplete="off"
      />
      <AccountOptions label="To" accounts={accounts} value={account?.id} onChange={setChosen} error={ofTheAccount ?? (tried && !account ? "None of your accounts can be paid to now." : undefined)} />
      <div className="form-actions">
        <Action kind="main" type="submit">
          Continue
        </Action>
        <ActionLink to="/provider" kind="quiet">
          Not now
        </ActionLink>
      </div>
    </form>
  );
}

/** Which field of the form a refusal is about. */
function fieldOf(refusal: unknown): "amount" | "account" | "form" {
  if (!(refusal instanceof ProblemError)) return "form";
  switch (refusal.problem.code) {
    case "insufficient_balance":
      return "amount";
    case "bank_account_unknown":
    case "bank_account_currency":
    case "bank_account_cooling_off":
      return "account";
    default:
      if (fieldError(refusal, "amount") !== undefined) return "amount";
      return fieldError(refusal, "bank_account_id") === undefined ? "form" : "account";
  }
}

function inOneLine(refusal: unknown): string | undefined {
  return refusal instanceof ProblemError ? [withMoney(refusal.problem.detail), whatToDo(refusal.problem)].filter(Boolean).join(" ") : undefined;
}

function Confirm({ body, account, sending, tell }: { body: Body; account: Schemas["BankAccount"] | undefined; sending: boolean; tell: Form<Body>["tell"] }) {
  const quoted = useQuery(quote(body));
  const { data } = quoted;
  return (
    <div className="card form">
      <p className="confirm-amount">
        <Money value={body.amount} />
      </p>
      <Facts
        facts={[
          account && ["To", <AccountWords key="to" account={account} />],
          ["Fee", <Fee key="fee" quoted={quoted} />],
          ["You receive", <Money key="receive" value={data?.amount ?? body.amount} />],
          ["Arrives", <Arrives key="arrives" quoted={quoted} />],
        ]}
      />
      {data?.obstacles.map((obstacle) => (
        <div key={obstacle.code} className={`notice ${obstacle.refuses ? "notice-red" : "notice-amber"}`} role="status">
          <Icon name="attention" />
          <span>{obstacle.detail}</span>
        </div>
      ))}
      <p className="soft small">The amount is reserved at once. You can cancel until a batch has taken it.</p>
      <div className="form-actions">
        <Action kind="main" onPress={() => tell({ did: "sent" })} isPending={sending} isDisabled={data?.possible === false} autoFocus>
          {sending ? "Requesting…" : "Request this payout"}
        </Action>
        <Action kind={data?.possible === false ? "main" : "quiet"} onPress={() => tell({ did: "went back" })} isDisabled={sending}>
          Change it
        </Action>
      </div>
    </div>
  );
}

type Quoted = UseQueryResult<Schemas["Quote"]>;

/** What the gateway quotes, and who bears it. That it cannot be asked stands in nobody's way. */
function Fee({ quoted: { data, isPending } }: { quoted: Quoted }) {
  if (isPending) return <span className="soft">Asking the gateway…</span>;
  if (!data?.fee) return <>Not known at the moment</>;
  if (data.fee.borne_by === "provider") return <Money value={data.fee.amount} />;
  return (
    <>
      None for you
      <br />
      <span className="soft">
        The platform pays about <Money value={data.fee.amount} />
      </span>
    </>
  );
}

function Arrives({ quoted: { data, isPending } }: { quoted: Quoted }) {
  const now = useNow();
  if (isPending) return <span className="soft">Looking when the next batch leaves…</span>;
  if (!data) return <>After a check, with the next batch. Its page says when, at every step.</>;
  const { leaves_at, usually_by } = data.arrival;
  return (
    <>
      Usually by {formatWhen(new Date(usually_by), now)}
      <br />
      <span className="soft">{leaves_at ? `It leaves at ${formatWhen(new Date(leaves_at), now)}` : "It leaves at once"}, unless somebody has to look at it first</span>
    </>
  );
}
