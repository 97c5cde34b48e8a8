// Labelled inputs, with their help and what is wrong with them tied to them.

import { type ReactNode, type Ref, useEffect, useRef, useState } from "react";
import { FieldError } from "react-aria-components/FieldError";
import { Input, type InputProps } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextArea } from "react-aria-components/TextArea";
import { TextField, type TextFieldProps } from "react-aria-components/TextField";

import { parseAmount } from "../show/money.ts";

/** Long enough to type a name, short enough not to wait. */
const TYPING_PAUSE_MS = 350;

interface Words {
  readonly label: string;
  readonly help?: ReactNode;
  readonly error?: string | undefined;
}

type Props = Words & Omit<TextFieldProps, "children" | "className" | "isInvalid">;

export function Field({ label, help, error, input, before, ...rest }: Props & { input?: InputProps & { ref?: Ref<HTMLInputElement> }; before?: string }) {
  return (
    <TextField {...rest} className="field" isInvalid={error !== undefined} validationBehavior="aria">
      <Label>{label}</Label>
      <span className="field-box">
        {before && (
          <span className="field-before" aria-hidden="true">
            {before}
          </span>
        )}
        <Input {...input} />
      </span>
      {help && (
        <Text slot="description" className="field-help">
          {help}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
    </TextField>
  );
}

export function LongField({ label, help, error, rows = 3, ...rest }: Props & { rows?: number }) {
  return (
    <TextField {...rest} className="field" isInvalid={error !== undefined} validationBehavior="aria">
      <Label>{label}</Label>
      <TextArea rows={rows} />
      {help && (
        <Text slot="description" className="field-help">
          {help}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
    </TextField>
  );
}

/** The system's own list: the best there is on a phone, and it costs nothing. */
export function Choice({ label, any = "Any", value, options, onChange }: { label: string; any?: string; value: string | undefined; options: readonly (readonly [value: string, words: string])[]; onChange: (value: string | undefined) => void }) {
  return (
    <label className="choice">
      <span>{label}</span>
      <select value={value ?? ""} onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}>
        <option value="">{any}</option>
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One of these, always: unlike a {@link Choice} it cannot be left open. */
export function Pick<Value extends string>({ label, aria, value, options, onChange, isDisabled = false }: { label: string; aria?: string; value: Value; options: readonly (readonly [value: Value, words: string])[]; onChange: (value: Value) => void; isDisabled?: boolean }) {
  return (
    <label className="choice">
      <span>{label}</span>
      <select value={value} disabled={isDisabled} {...(aria === undefined ? {} : { "aria-label": aria })} onChange={(event) => options.forEach(([option]) => option === event.target.value && onChange(option))}>
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

export function DayChoice({ label, value, onChange }: { label: string; value: string | undefined; onChange: (value: string | undefined) => void }) {
  return (
    <label className="choice">
      <span>{label}</span>
      <input type="date" value={value ?? ""} onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)} />
    </label>
  );
}

/** Looks for what is typed once the reader pauses, or at Enter; what the address says is what it shows. */
export function SearchChoice({ label, hint, value, onChange }: { label: string; hint: string; value: string | undefined; onChange: (value: string | undefined) => void }) {
  const [typed, setTyped] = useState(value ?? "");
  const [known, setKnown] = useState(value);
  if (value !== known) {
    setKnown(value);
    setTyped(value ?? "");
  }
  const send = (text: string): void => {
    const wanted = text.trim() === "" ? undefined : text.trim();
    if (wanted !== value) onChange(wanted);
  };
  const latest = useRef(send);
  latest.current = send;
  useEffect(() => {
    const timer = setTimeout(() => latest.current(typed), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label className="choice choice-search">
      <span>{label}</span>
      <input type="search" value={typed} placeholder={hint} maxLength={100} onChange={(event) => setTyped(event.target.value)} onKeyDown={(event) => event.key === "Enter" && send(typed)} />
    </label>
  );
}

/** An amount without its currency. Counts when the field is left, or at Enter. */
export function AmountChoice({ label, value, onChange }: { label: string; value: string | undefined; onChange: (value: string | undefined) => void }) {
  const send = (text: string): void => {
    const parsed = parseAmount(text);
    const wanted = parsed.ok ? parsed.amount : undefined;
    if (wanted !== value) onChange(wanted);
  };
  return (
    <label className="choice choice-amount">
      <span>{label}</span>
      <input key={value} inputMode="decimal" defaultValue={value ?? ""} onBlur={(event) => send(event.target.value)} onKeyDown={(event) => event.key === "Enter" && send(event.currentTarget.value)} />
    </label>
  );
}
