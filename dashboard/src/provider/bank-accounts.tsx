// Where a provider is paid. Before an account is added, the bank is asked whose it is, and the provider says that it is theirs.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "react-aria-components/Button";
import { ComboBox } from "react-aria-components/ComboBox";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";

import { useBankName } from "./bank-name.ts";
import { bankAccounts, banks } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { Badge } from "../show/status.tsx";
import { formatWhen, useNow, When } from "../show/time.tsx";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Icon } from "../ui/icon.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

/** NUBAN. */
const ACCOUNT_DIGITS = 10;
const CURRENCY = "NGN";

export function BankAccounts() {
  const asked = useQuery(bankAccounts);
  const [adding, setAdding] = useState(false);
  const add = (
    <Action kind="main" icon="plus" onPress={() => setAdding(true)}>
      Add a bank account
    </Action>
  );
  return (
    <Page title="Bank accounts" lead="Where you can be paid. Money goes only to an account that the bank says exists." actions={add}>
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
                  <Account key={account.id} account={account} />
                ))}
              </ul>
            )
          }
        </Answered>
      </section>
      <Question title="Add a bank account" isOpen={adding} onClose={() => setAdding(false)}>
        <AddAccount onDone={() => setAdding(false)} />
      </Question>
    </Page>
  );
}

function Account({ account }: { account: Schemas["BankAccount"] }) {
  const bankName = useBankName();
  const now = useNow();
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/provider/bank-accounts/{id}", { params: { path: { id: account.id } } })),
    onSuccess: () => setAsking(false),
    onSettled: () => queries.invalidateQueries({ queryKey: bankAccounts.queryKey }),
  });
  const cooling = new Date(account.usable_from) > now;
  const number = account.account_number.replaceAll("*", "•");
  return (
    <li className="row">
      <span className="row-main">
        <span className="strong">{account.account_name}</span>
        <span className="soft">
          {bankName(account.bank_code)} <span className="number">{number}</span> · {account.currency}
        </span>
        {account.paused_detail && <span>{account.paused_detail}</span>}
        <span className="small soft">
          Added <When at={account.created_at} />
        </span>
      </span>
      <span className="row-side row-side-line">
        {account.paused ? <Badge tone="red">Paused</Badge> : cooling ? <Badge tone="amber">{`Can be paid to from ${formatWhen(new Date(account.usable_from), now)}`}</Badge> : <Badge tone="green">Can be paid to</Badge>}
        <Button className="icon-button" aria-label={`Remove the account ending in ${account.account_number.slice(-4)}`} onPress={() => setAsking(true)}>
          <Icon name="trash" />
        </Button>
      </span>
      <Question title="Remove this account?" isOpen={asking} onClose={() => setAsking(false)} busy={remove.isPending} alert>
        <p>
          {account.account_name}, {bankName(account.bank_code)} <span className="number">{number}</span>. Payouts already requested still go there.
        </p>
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

function AddAccount({ onDone }: { onDone: () => void }) {
  const list = useQuery(banks);
  const bankName = useBankName();
  const queries = useQueryClient();
  const [bank, setBank] = useState<string>();
  const [number, setNumber] = useState("");
  const [tried, setTried] = useState(false);
  const resolve = useMutation({
    mutationFn: (account: Schemas["AccountToResolve"]) => answer(api.POST("/api/provider/bank-accounts/resolve", { body: account })),
  });
  const add = useMutation({
    mutationFn: (account: Schemas["AccountToResolve"]) => answer(api.POST("/api/provider/bank-accounts", { body: { ...account, currency: CURRENCY } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: bankAccounts.queryKey });
      onDone();
    },
  });
  const digits = number.replaceAll(/\D/g, "");
  const numberWrong = digits.length === ACCOUNT_DIGITS ? undefined : `A NUBAN has ${ACCOUNT_DIGITS} digits; this has ${digits.length}.`;
  const submit = (): void => {
    setTried(true);
    if (bank && !numberWrong) resolve.mutate({ bank_code: bank, account_number: digits });
  };

  if (resolve.data && bank) {
    return (
      <div className="form">
        <p>The bank says this account belongs to</p>
        <p className="confirm-name">{resolve.data.account_name}</p>
        <p className="soft">
          {bankName(bank)} <span className="number">{resolve.data.account_number.replaceAll("*", "•")}</span>
        </p>
        {add.error && <ProblemNotice error={add.error} />}
        <div className="dialog-actions">
          <Action onPress={() => resolve.reset()} isDisabled={add.isPending}>
            No, change it
          </Action>
          <Action kind="main" onPress={() => add.mutate({ bank_code: bank, account_number: digits })} isPending={add.isPending} autoFocus>
            Yes, add it
          </Action>
        </div>
      </div>
    );
  }
  return (
    <FormBox onSubmit={submit} busy={resolve.isPending}>
      <ComboBox className="field" defaultItems={list.data?.map(({ code, name }) => ({ id: code, name })) ?? []} {...(bank === undefined ? {} : { defaultSelectedKey: bank })} onSelectionChange={(key) => setBank(key === null ? undefined : String(key))} isRequired isInvalid={tried && !bank} autoFocus menuTrigger="focus">
        <Label>Bank</Label>
        <span className="field-box">
          <Input placeholder={list.isPending ? "Loading the banks…" : "Type to find it"} />
          <Button className="field-button" aria-label="Show the banks">
            <span aria-hidden="true">▾</span>
          </Button>
        </span>
        {tried && !bank && <span className="field-error">Choose the bank from the list.</span>}
        <Popover className="popover">
          <ListBox className="menu" renderEmptyState={() => <p className="soft menu-empty">No bank of this name.</p>}>
            {(item: { id: string; name: string }) => (
              <ListBoxItem id={item.id} textValue={item.name} className="menu-item">
                {item.name} <span className="soft small number">{item.id}</span>
              </ListBoxItem>
            )}
          </ListBox>
        </Popover>
      </ComboBox>
      <Field label="Account number" help="Ten digits (NUBAN)." input={{ inputMode: "numeric", maxLength: 14, className: "number" }} value={number} onChange={setNumber} error={tried ? (numberWrong ?? fieldError(resolve.error, "account_number")) : undefined} isRequired autoComplete="off" />
      {list.error && <ProblemNotice error={list.error} again={() => void list.refetch()} busy={list.isFetching} />}
      {resolve.error && <ProblemNotice error={resolve.error} />}
      <div className="dialog-actions">
        <Action onPress={onDone}>Not now</Action>
        <Action kind="main" type="submit" isPending={resolve.isPending}>
          {resolve.isPending ? "Asking the bank…" : "Check the account"}
        </Action>
      </div>
    </FormBox>
  );
}
