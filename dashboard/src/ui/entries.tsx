// Several values of one kind, such as times of day: each can be taken out, and one more put in.

import { useId, useState } from "react";

import { Action } from "./action.tsx";
import { Icon } from "./icon.tsx";

interface Props {
  readonly label: string;
  readonly help?: string;
  readonly error?: string | undefined;
  readonly type: "time" | "date" | "text";
  readonly values: readonly string[];
  readonly onChange: (values: readonly string[]) => void;
  /** How one is shown. */
  readonly words?: (value: string) => string;
  readonly most: number;
}

/** Kept in order and without doubles. What was typed and not added counts when the field is left, so that nothing is lost. */
export function Entries({ label, help, error, type, values, onChange, words = (value) => value, most }: Props) {
  const [typed, setTyped] = useState("");
  const id = useId();
  const add = (): void => {
    const value = typed.trim();
    if (value === "" || values.length >= most) return;
    setTyped("");
    if (!values.includes(value)) onChange([...values, value].toSorted());
  };
  return (
    <fieldset className={error === undefined ? "entries" : "entries wrong"}>
      <legend>{label}</legend>
      {values.length > 0 && (
        <ul className="chips">
          {values.map((value) => (
            <li key={value} className="chip">
              <span className="number">{words(value)}</span>
              <button type="button" className="chip-out" aria-label={`Take out ${words(value)}`} onClick={() => onChange(values.filter((each) => each !== value))}>
                <Icon name="cross" size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <span className="entries-add">
        <span className="field-box">
          <input
            type={type}
            value={typed}
            aria-label={`${label}: one more`}
            aria-invalid={error !== undefined}
            aria-describedby={`${id}-words`}
            onChange={(event) => setTyped(event.target.value)}
            onBlur={add}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
              event.preventDefault();
              add();
            }}
          />
        </span>
        <Action onPress={add} isDisabled={typed === "" || values.length >= most}>
          Add
        </Action>
      </span>
      <span id={`${id}-words`}>
        {help && <span className="field-help">{help}</span>} {error && <span className="field-error">{error}</span>}
      </span>
    </fieldset>
  );
}
