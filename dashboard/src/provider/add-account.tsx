// Adding a bank account: the bank is asked whose it is, the provider says that it is theirs. Needs a fresh sign-in: whoever has signed
// in too long ago is sent to do it again, and comes back to what was typed.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "react-aria-components/Button";
import { ComboBox } from "react-aria-components/ComboBox";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";

import { AccountNumber } from "./account-options.tsx";
import { type Draft, forgetDraft, keepDraft, keptDraft } from "./account-draft.ts";
import { useBankName } from "./bank-name.ts";
import { bankAccounts, banks } from "./queries.ts";
import { answer, api, ProblemError, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";

/** NUBAN. */
const ACCOUNT_DIGITS = 10;
const CURRENCY = "NGN";

export interface Adding {
  readonly isOpen: boolean;
  readonly open: () => void;
  readonly close: () => void;
}

/** Whether the form is open: also for whoever was sent away from it to sign in. */
export function useAdding(): Adding {
  const [isOpen, setOpen] = useState(() => keptDraft() !== undefined);
  const close = (): void => {
    forgetDraft();
    setOpen(false);
  };
  return { isOpen, open: () => setOpen(true), close };
}

/** `another`: they have one already, so this one is a change and waits. */
export function AddAccount({ adding, another, onAdded }: { adding: Adding; another: boolean; onAdded?: (account: Schemas["BankAccount"]) => void }) {
  return (
    <Question title="Add a bank account" isOpen={adding.isOpen} onClose={adding.close}>
      <Steps
        another={another}
        onClose={adding.close}
        onDone={(account) => {
          adding.close();
          onAdded?.(account);
        }}
      />
    </Question>
  );
}

function Steps({ another, onClose, onDone }: { another: boolean; onClose: () => void; onDone: (account: Schemas["BankAccount"]) => void }) {
  const [typed, setTyped] = useState<Draft>(() => keptDraft() ?? { bank: "", number: "" });
  const resolve = useMutation({
    mutationFn: (account: Schemas["AccountToResolve"]) => answer(api.POST("/api/provider/bank-accounts/resolve", { body: account })),
  });
  if (resolve.data) return <IsItYours typed={{ bank: typed.bank, number: digitsOf(typed.number) }} holder={resolve.data} another={another} onBack={() => resolve.reset()} onDone={onDone} />;
  return <Which typed={typed} setTyped={setTyped} onClose={onClose} busy={resolve.isPending} refusal={resolve.error} onDone={(given) => resolve.mutate({ bank_code: given.bank, account_number: given.number })} />;
}

function IsItYours({ typed, holder, another, onBack, onDone }: { typed: Draft; holder: Schemas["ResolvedAccount"]; another: boolean; onBack: () => void; onDone: (account: Schemas["BankAccount"]) => void }) {
  const bankName = useBankName();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const href = useRouterState({ select: (state) => state.location.href });
  const add = useMutation({
    mutationFn: () => answer(api.POST("/api/provider/bank-accounts", { body: { bank_code: typed.bank, account_number: typed.number, currency: CURRENCY } })),
    onSuccess: async (account) => {
      await queries.invalidateQueries({ queryKey: bankAccounts.queryKey });
      onDone(account);
    },
    onError: (error) => {
      if (!(error instanceof ProblemError) || error.problem.code !== "fresh_sign_in_needed") return;
      keepDraft(typed);
      void navigate({ to: "/sign-in", search: { to: href, why: "bank-account" } });
    },
  });
  return (
    <div className="form">
      <p>The bank says this account belongs to</p>
      <p className="confirm-name">{holder.account_name}</p>
      <p className="soft">
        {bankName(holder.bank_code)} <AccountNumber masked={holder.account_number} />
      </p>
      {another && <p className="soft">A new account waits before money goes there, and you are sent a link that stops it, should it not have been you.</p>}
      {add.error && <ProblemNotice error={add.error} />}
      <div className="dialog-actions">
        <Action onPress={onBack} isDisabled={add.isPending}>
          No, change it
        </Action>
        <Action kind="main" onPress={() => add.mutate()} isPending={add.isPending} autoFocus>
          Yes, add it
        </Action>
      </div>
    </div>
  );
}

interface Asking {
  readonly typed: Draft;
  readonly setTyped: (typed: Draft) => void;
  readonly busy: boolean;
  readonly refusal: Error | null;
  readonly onClose: () => void;
  readonly onDone: (given: Draft) => void;
}

function Which({ typed, setTyped, busy, refusal, onClose, onDone }: Asking) {
  const list = useQuery(banks);
  const [tried, setTried] = useState(false);
  const digits = digitsOf(typed.number);
  const bankWrong = typed.bank === "" ? "Choose the bank from the list." : fieldError(refusal, "bank_code");
  const numberWrong = digits.length === ACCOUNT_DIGITS ? fieldError(refusal, "account_number") : `A NUBAN has ${ACCOUNT_DIGITS} digits; this has ${digits.length}.`;
  const submit = (): void => {
    setTried(true);
    if (typed.bank !== "" && digits.length === ACCOUNT_DIGITS) onDone({ bank: typed.bank, number: digits });
  };
  const items = list.data?.map(({ code, name }) => ({ id: code, name })) ?? [];
  return (
    <FormBox onSubmit={submit} busy={busy}>
      <ComboBox
        // The chosen bank has a name once the list is there.
        key={list.isPending ? "loading" : "loaded"}
        className="field"
        defaultItems={items}
        {...(typed.bank === "" ? {} : { defaultSelectedKey: typed.bank })}
        onSelectionChange={(key) => setTyped({ ...typed, bank: key === null ? "" : String(key) })}
        isRequired
        isInvalid={tried && bankWrong !== undefined}
        autoFocus
        menuTrigger="focus"
      >
        <Label>Bank</Label>
        <span className="field-box">
          <Input placeholder={list.isPending ? "Loading the banks…" : "Type to find it"} />
          <Button className="field-button" aria-label="Show the banks">
            <span aria-hidden="true">▾</span>
          </Button>
        </span>
        {tried && bankWrong && <span className="field-error">{bankWrong}</span>}
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
      <Field
        label="Account number"
        help="Ten digits (NUBAN)."
        input={{ inputMode: "numeric", maxLength: 14, className: "number" }}
        value={typed.number}
        onChange={(number) => setTyped({ ...typed, number: number.replaceAll(/[^\d ]/g, "") })}
        error={tried ? numberWrong : undefined}
        isRequired
        autoComplete="off"
      />
      {list.error && <ProblemNotice error={list.error} again={() => void list.refetch()} busy={list.isFetching} />}
      {refusal && <ProblemNotice error={refusal} />}
      <div className="dialog-actions">
        <Action onPress={onClose}>Not now</Action>
        <Action kind="main" type="submit" isPending={busy}>
          {busy ? "Asking the bank…" : "Check the account"}
        </Action>
      </div>
    </FormBox>
  );
}

function digitsOf(typed: string): string {
  return typed.replaceAll(/\D/g, "");
}
