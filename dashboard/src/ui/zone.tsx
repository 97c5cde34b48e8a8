// A time zone by its name. The browser knows them; what it does not know is typed, and the API judges.

import { useId } from "react";

import { Field } from "./field.tsx";

const ZONES: readonly string[] = ["UTC", ...Intl.supportedValuesOf("timeZone")];

export function ZoneField({ label, value, onChange, error }: { label: string; value: string; onChange: (zone: string) => void; error?: string | undefined }) {
  const list = useId();
  return (
    <>
      <Field label={label} help="Such as Africa/Lagos." value={value} onChange={onChange} error={error} input={{ list, spellCheck: false }} autoComplete="off" maxLength={100} isRequired />
      <datalist id={list}>
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </>
  );
}
