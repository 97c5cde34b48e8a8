// Asking for a payout: the amount and where it goes, then once more in words, then sent exactly once (`once.ts`).

import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Label } from "react-aria-components/Label";
import { Radio, RadioGroup } from "react-aria-components/RadioGroup";

import { useBankName } from "./bank-name.ts";
import { begin, type Body, type Event, keep, next, type Once } from "./once.ts";
import { balance, bankAccounts, quote } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, inWords, ProblemNotice } from "../api/problem.tsx";
import { formatMoney, formatPlain, parseAmount, units } from "../show/money.ts";
import { Money } from "../show/status.tsx";
import { formatWhen, useNow } from "../show/time.tsx";
import { session } from "../sign-in/token.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Back, Facts, Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

export function RequestPayout() {
  const { once, tell } = useOnce();
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

/** The form's state, kept over reloads, and the one request that it may make. */
export function useOnce(): { once: Once; tell: (event: Event) => void } {
  const subject = session()?.subject ?? "";
  const [once, setOnce] = useState<Once>(() => begin(subject));
  // What is read here is never older than the last event, however fast two presses follow each other.
  const latest = useRef(once);
  const navigate = useNavigate();
  const queries = useQueryClient();

  const tell = (event: Event): void => {
    const before = latest.current;
    const after = next(before, event);
    if (after === before) return;
    latest.current = after;
    keep(subject, after);
    setOnce(after);
    if (after.step === "sending") void send(after.key, after.body);
    if (after.step === "made") {
      void queries.invalidateQueries();
      void navigate({ to: "/provider/payouts/$id", params: { id: after.payoutId }, replace: true });
    }
  };

  const send = async (key: string, body: Body): Promise<void> => {
    try {
      const made = await answer(api.POST("/api/provider/payouts", { params: { header: { "Idempotency-Key": key } }, body }));
      tell({ did: "heard it was made", payoutId: made.id });
    } catch (error) {
      tell({ did: "heard a failure", error });
    }
  };

  return { once, tell };
}

function Steps({ once, tell, balances, accounts }: { once: Once; tell: (event: Event) => void; balances: readonly Schemas["Balance"][]; accounts: readonly Schemas["BankAccount"][] }) {
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
      return <UnheardOf body={once.body} error={once.error} tell={tell} />;
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
  const bankName = useBankName();
  const now = useNow();
  const [tried, setTried] = useState(false);
  const usable = accounts.filter((each) => new Date(each.usable_from) <= now && each.paused === undefined);
  const account = accounts.find((each) => each.id === chosen) ?? usable[0];
  const currency = (account?.currency ?? "NGN") as Schemas["Money"]["currency"];
  const available = balances.find((each) => each.currency === currency)?.available ?? { amount: "0.00", currency };
  const parsed = parseAmount(typed);
  const tooMuch = parsed.ok && units(parsed.amount) > units(available.amount);
  const wrong = !parsed.ok ? parsed.why : tooMuch ? `You have ${formatMoney(available)} available.` : undefined;
  const amountField = useRef<HTMLInputElement>(null);
  const refused = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (refusal) refused.current?.focus();
  }, [refusal]);

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
      {refusal !== undefined && (
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
        error={tried || tooMuch ? (wrong ?? fieldError(refusal, "amount")) : undefined}
        value={typed}
        onChange={setTyped}
        isRequired
        autoComplete="off"
      />
      <RadioGroup className="options" value={account?.id ?? null} onChange={setChosen} isRequired>
        <Label>To</Label>
        {accounts.map((each) => {
          const cooling = new Date(each.usable_from) > now;
          const paused = each.paused !== undefined;
          return (
            <Radio key={each.id} value={each.id} isDisabled={cooling || paused} className="option">
              <span className="option-mark" aria-hidden="true" />
              <span className="option-words">
                <span className="strong">{each.account_name}</span>
                <span className="small soft">
                  {bankName(each.bank_code)} <span className="number">{each.account_number.replaceAll("*", "•")}</span>
                  {paused && ` · ${each.paused_detail ?? "paused"}`}
                  {cooling && ` · can be paid to from ${formatWhen(new Date(each.usable_from), now)}`}
                </span>
              </span>
            </Radio>
          );
        })}
      </RadioGroup>
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

function Confirm({ body, account, sending, tell }: { body: Body; account: Schemas["BankAccount"] | undefined; sending: boolean; tell: (event: Event) => void }) {
  const bankName = useBankName();
  const quoted = useQuery(quote(body));
  const { data } = quoted;
  return (
    <div className="card form">
      <p className="confirm-amount">
        <Money value={body.amount} />
      </p>
      <Facts
        facts={[
          account && [
            "To",
            <span key="to">
              {account.account_name}
              <br />
              <span className="soft">
                {bankName(account.bank_code)} <span className="number">{account.account_number.replaceAll("*", "•")}</span>
              </span>
            </span>,
          ],
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
        <Action kind="main" onPress={() => tell({ did: "sent" })} isPending={sending} autoFocus>
          {sending ? "Requesting…" : "Request this payout"}
        </Action>
        <Action kind="quiet" onPress={() => tell({ did: "went back" })} isDisabled={sending}>
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

/** The request left and no answer came. The same one is sent again, or looked for. */
function UnheardOf({ body, error, tell }: { body: Body; error: unknown; tell: (event: Event) => void }) {
  const words = error === undefined ? undefined : inWords(error);
  return (
    <div className="card form" role="alert">
      <div className="notice notice-amber">
        <Icon name="attention" />
        <div className="notice-words">
          <p className="strong">
            It is not known whether your request for <Money value={body.amount} /> arrived.
          </p>
          {words && <p>{words.detail ?? words.title}</p>}
          <p>Send it again: it is the same request, and it makes one payout however often it arrives.</p>
        </div>
      </div>
      <div className="form-actions">
        <Action kind="main" onPress={() => tell({ did: "sent" })} autoFocus>
          Send it again
        </Action>
        <ActionLink to="/provider/payouts" kind="quiet">
          Look at my payouts
        </ActionLink>
      </div>
    </div>
  );
}
