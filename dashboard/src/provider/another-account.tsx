// The bank refused the account of a payout: its provider gives another one. In one step the old payout is refunded and the same amount
// asked for again, sent at most once (`once.ts`).

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { AccountNumber, AccountOptions, AccountWords, isUsable } from "./account-options.tsx";
import { AddAccount, useAdding } from "./add-account.tsx";
import { useBankName } from "./bank-name.ts";
import type { Event } from "./once.ts";
import { bankAccounts } from "./queries.ts";
import { UnheardOf } from "./unheard.tsx";
import { type Form, useOnce } from "./use-once.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { Money } from "../show/status.tsx";
import { formatWhen, useNow } from "../show/time.tsx";
import { Action } from "../ui/action.tsx";
import { FormBox } from "../ui/form.tsx";
import { Facts, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

type Other = Schemas["OtherAccount"];

export function AnotherAccount({ payout, refused }: { payout: Schemas["Payout"]; refused: Schemas["BankAccountBrief"] | undefined }) {
  const bankName = useBankName();
  const asked = useQuery(bankAccounts);
  const form = useOnce<Other>(`another-account:${payout.id}`, (key, body) =>
    answer(api.POST("/api/provider/payouts/{id}/another-account", { params: { path: { id: payout.id }, header: { "Idempotency-Key": key } }, body })),
  );
  return (
    <Section title="Give another account">
      <div className="section-form form">
        <p>
          {refused ? (
            <>
              {refused.bank_name ?? bankName(refused.bank_code)} did not take it for the account <AccountNumber masked={refused.account_number} />.
            </>
          ) : (
            "The bank did not take it."
          )}{" "}
          {payout.failure?.detail}
        </p>
        <ul className="points">
          <li>
            None of it was paid: <Money value={payout.amount} /> is still set aside for this payout.
          </li>
          <li>
            Give another account, and in one step this payout ends, its money goes back to your balance, and the same amount is asked for again, to the account that you choose. Either all of that happens or nothing.
          </li>
          <li>The new payout is checked like any other. Its page opens, and this one leads to it.</li>
        </ul>
        <Answered asked={asked} rows={2}>
          {(accounts) => <Steps payout={payout} refused={refused} accounts={accounts.filter((each) => each.id !== payout.bank_account_id && each.currency === payout.amount.currency)} form={form} />}
        </Answered>
      </div>
    </Section>
  );
}

interface Giving {
  readonly payout: Schemas["Payout"];
  readonly refused: Schemas["BankAccountBrief"] | undefined;
  readonly accounts: readonly Schemas["BankAccount"][];
  readonly form: Form<Other>;
}

function Steps({ payout, refused, accounts, form: { once, tell } }: Giving) {
  const [chosen, setChosen] = useState<string>();
  switch (once.step) {
    case "editing":
      return <Choose refusal={once.refusal} accounts={accounts} chosen={chosen} setChosen={setChosen} onDone={(body) => tell({ did: "filled in", body })} />;
    case "confirming":
    case "sending":
      return <Confirm payout={payout} refused={refused} account={accounts.find((each) => each.id === once.body.bank_account_id)} sending={once.step === "sending"} tell={tell} />;
    case "unheard":
      return <UnheardOf amount={payout.amount} error={once.error} tell={tell} />;
    case "made":
      return <p role="status">Given. The new payout opens.</p>;
  }
}

function Choose({ refusal, accounts, chosen, setChosen, onDone }: { refusal: unknown; accounts: readonly Schemas["BankAccount"][]; chosen: string | undefined; setChosen: (id: string) => void; onDone: (body: Other) => void }) {
  const now = useNow();
  const adding = useAdding();
  const [tried, setTried] = useState(false);
  const usable = accounts.filter((each) => isUsable(each, now));
  const account = usable.find((each) => each.id === chosen) ?? (usable.length === 1 ? usable[0] : undefined);
  const soonest = accounts.filter((each) => each.paused === undefined).map((each) => each.usable_from).toSorted()[0];
  const wrong = fieldError(refusal, "bank_account_id") ?? (tried && !account ? "Choose the account." : undefined);
  return (
    <>
      <FormBox
        busy={false}
        onSubmit={() => {
          setTried(true);
          if (account) onDone({ bank_account_id: account.id });
        }}
      >
        {refusal !== undefined && <ProblemNotice error={refusal} />}
        {accounts.length > 0 ? <AccountOptions label="Send it to" accounts={accounts} value={account?.id} onChange={setChosen} error={wrong} /> : <p className="strong">You have no other account yet.</p>}
        {accounts.length > 0 && usable.length === 0 && soonest !== undefined && <p>Come back from {formatWhen(new Date(soonest), now)}, when the new account can be paid to. Until then the money stays set aside for you.</p>}
        <div className="form-actions">
          {usable.length > 0 && (
            <Action kind="main" type="submit">
              Continue
            </Action>
          )}
          <Action kind={accounts.length === 0 ? "main" : "plain"} icon="plus" onPress={adding.open}>
            Add a bank account
          </Action>
        </div>
      </FormBox>
      <AddAccount adding={adding} another onAdded={(added) => setChosen(added.id)} />
    </>
  );
}

function Confirm({ payout, refused, account, sending, tell }: { payout: Schemas["Payout"]; refused: Schemas["BankAccountBrief"] | undefined; account: Schemas["BankAccount"] | undefined; sending: boolean; tell: (event: Event<Other>) => void }) {
  return (
    <div className="form">
      <Facts
        facts={[
          ["You receive", <Money key="amount" value={payout.amount} />],
          refused && ["Not to", <AccountWords key="not" account={refused} />],
          account && ["But to", <AccountWords key="to" account={account} />],
        ]}
      />
      <div className="form-actions">
        <Action kind="main" onPress={() => tell({ did: "sent" })} isPending={sending} autoFocus>
          {sending ? "Asking the gateway once more…" : "Send it to this account"}
        </Action>
        <Action kind="quiet" onPress={() => tell({ did: "went back" })} isDisabled={sending}>
          Change it
        </Action>
      </div>
    </div>
  );
}
