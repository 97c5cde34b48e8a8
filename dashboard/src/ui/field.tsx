// Labelled inputs, with their help and what is wrong with them tied to them.

import type { ReactNode, Ref } from "react";
import { FieldError } from "react-aria-components/FieldError";
import { Input, type InputProps } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { Text } from "react-aria-components/Text";
import { TextArea } from "react-aria-components/TextArea";
import { TextField, type TextFieldProps } from "react-aria-components/TextField";

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
export function Choice({ label, value, options, onChange }: { label: string; value: string | undefined; options: readonly (readonly [value: string, words: string])[]; onChange: (value: string | undefined) => void }) {
  return (
    <label className="choice">
      <span>{label}</span>
      <select value={value ?? ""} onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}>
        <option value="">Any</option>
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
