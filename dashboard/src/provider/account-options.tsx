// The provider's bank accounts to choose one of. One that cannot be paid to now says why, and from when it can.

import { FieldError } from "react-aria-components/FieldError";
import { Label } from "react-aria-components/Label";
import { Radio, RadioGroup } from "react-aria-components/RadioGroup";

import { useBankName } from "./bank-name.ts";
import type { Schemas } from "../api/client.ts";
import { formatDistance, formatWhen, useNow } from "../show/time.tsx";

type Account = Schemas["BankAccount"];

/** Whether money can go there at this moment. */
export function isUsable(account: Account, now: Date): boolean {
  return new Date(account.usable_from) <= now && account.paused === undefined;
}

export function AccountOptions({ label, accounts, value, onChange, error }: { label: string; accounts: readonly Account[]; value: string | undefined; onChange: (id: string) => void; error?: string | undefined }) {
  const bankName = useBankName();
  const now = useNow();
  return (
    <RadioGroup className="options" value={value ?? null} onChange={onChange} isRequired isInvalid={error !== undefined} validationBehavior="aria">
      <Label>{label}</Label>
      {accounts.map((each) => {
        const from = new Date(each.usable_from);
        const notNow = each.paused !== undefined ? (each.paused_detail ?? "Nothing is sent to it for the moment.") : from > now ? `New: can be paid to from ${formatWhen(from, now)} (${formatDistance(from, now)}).` : undefined;
        return (
          <Radio key={each.id} value={each.id} isDisabled={notNow !== undefined} className="option">
            <span className="option-mark" aria-hidden="true" />
            <span className="option-words">
              <span className="strong">{each.account_name}</span>
              <span className="small soft">
                {each.bank_name ?? bankName(each.bank_code)} <AccountNumber masked={each.account_number} />
              </span>
              {notNow && <span className="small">{notNow}</span>}
            </span>
          </Radio>
        );
      })}
      <FieldError className="field-error">{error}</FieldError>
    </RadioGroup>
  );
}

/** The last four digits; the rest is never told. */
export function AccountNumber({ masked }: { masked: string }) {
  return (
    <span className="number">
      <span aria-hidden="true">{masked.replaceAll("*", "•")}</span>
      <span className="unseen">ending in {masked.slice(-4)}</span>
    </span>
  );
}

/** Whose it is, and where. */
export function AccountWords({ account }: { account: Schemas["BankAccountBrief"] }) {
  const bankName = useBankName();
  return (
    <span>
      {account.account_name}
      <br />
      <span className="soft">
        {account.bank_name ?? bankName(account.bank_code)} <AccountNumber masked={account.account_number} />
      </span>
    </span>
  );
}
