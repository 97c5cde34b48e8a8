// Where a provider is paid: what can be paid to now, what waits and until when, and which payouts under way go there.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components/Button";

import "../styles/provider.css";
import { AccountNumber } from "./account-options.tsx";
import { AddAccount, useAdding } from "./add-account.tsx";
import { useBankName } from "./bank-name.ts";
import { bankAccounts, openPayouts } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Badge, Money, StatusBadge } from "../show/status.tsx";
import { formatDistance, formatWhen, useNow, When } from "../show/time.tsx";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Page } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

export function BankAccounts() {
  const asked = useQuery(bankAccounts);
  const open = useQuery(openPayouts);
  const adding = useAdding();
  const [said, setSaid] = useState("");
  const add = (
    <Action kind="main" icon="plus" onPress={adding.open}>
      Add a bank account
    </Action>
  );
  return (
    <Page title="Bank accounts" lead="Where you can be paid. Money goes only to an account that the bank says exists. Adding one needs a fresh sign-in; every one but the first waits before its first payout." actions={add}>
      <Said words={said} />
      <section className="section" aria-label="Bank accounts">
        <Answered asked={asked}>
          {(items) =>
            items.length === 0 ? (
              <Empty icon="bank" title="No bank account yet" action={add}>
                The first one can be paid to at once; later ones wait before their first payout.
              </Empty>
            ) : (
              <ul className="rows">
                {items.map((account) => (
                  <Account key={account.id} account={account} going={open.data?.filter((payout) => payout.bank_account_id === account.id) ?? []} />
                ))}
              </ul>
            )
          }
        </Answered>
      </section>
      <AddAccount adding={adding} another={asked.data !== undefined && asked.data.length > 0} onAdded={(account) => setSaid(`Added: ${account.account_name}`)} />
    </Page>
  );
}

function Account({ account, going }: { account: Schemas["BankAccount"]; going: readonly Schemas["Payout"][] }) {
  const bankName = useBankName();
  const now = useNow();
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/provider/bank-accounts/{id}", { params: { path: { id: account.id } } })),
    onSuccess: () => setAsking(false),
    onSettled: () => queries.invalidateQueries({ queryKey: bankAccounts.queryKey }),
  });
  const from = new Date(account.usable_from);
  const cooling = from > now;
  const where = (
    <>
      {account.bank_name ?? bankName(account.bank_code)} <AccountNumber masked={account.account_number} />
    </>
  );
  return (
    <li className="row row-wrap">
      <span className="row-main">
        <span className="strong">{account.account_name}</span>
        <span className="soft">
          {where} · {account.currency}
        </span>
        {account.paused_detail && <span>{account.paused_detail}</span>}
        {cooling && (
          <span>
            New, so it waits: it can be paid to {formatDistance(from, now)}, from <When at={account.usable_from} />. You were sent a message with a link that stops it, should it not have been you.
          </span>
        )}
        <span className="small soft">
          Added <When at={account.created_at} />
        </span>
      </span>
      <span className="row-side row-side-line">
        {account.paused ? <Badge tone="red">Paused</Badge> : cooling ? <Badge tone="amber">{`From ${formatWhen(from, now)}`}</Badge> : <Badge tone="green">Can be paid to</Badge>}
        <Button className="icon-button" aria-label={`Remove the account ending in ${account.account_number.slice(-4)}`} onPress={() => setAsking(true)}>
          <Icon name="trash" />
        </Button>
      </span>
      {going.length > 0 && <Going payouts={going} paused={account.paused !== undefined} />}
      <Question title="Remove this account?" isOpen={asking} onClose={() => setAsking(false)} busy={remove.isPending} alert>
        <p>
          {account.account_name}, {where}. No new payout goes there.
        </p>
        {going.length > 0 && <p>Of the payouts under way to it, one that is not checked yet is rejected, with its money back in your balance; one that is approved still goes there: cancel it first if it should not.</p>}
        {remove.error && <ProblemNotice error={remove.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setAsking(false)} autoFocus>
            Keep it
          </Action>
          <Action kind="danger" onPress={() => remove.mutate()} isPending={remove.isPending}>
            Remove
          </Action>
        </div>
      </Question>
    </li>
  );
}

/** Payouts under way to one account. They wait where nothing is sent to it. */
function Going({ payouts, paused }: { payouts: readonly Schemas["Payout"][]; paused: boolean }) {
  return (
    <div className="going">
      <p className="small soft">{paused ? "These payouts wait for it; their money stays set aside:" : payouts.length === 1 ? "One payout under way goes here:" : `${payouts.length} payouts under way go here:`}</p>
      <ul>
        {payouts.map((payout) => (
          <li key={payout.id}>
            <Link to="/provider/payouts/$id" params={{ id: payout.id }}>
              <Money value={payout.amount} />
            </Link>{" "}
            <StatusBadge payout={payout} />
          </li>
        ))}
      </ul>
    </div>
  );
}
