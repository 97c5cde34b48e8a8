// Light, dark, or what the system says. `public/theme.js` applies the choice before the first paint.

import { useId, useState } from "react";

const CHOICES = ["system", "light", "dark"] as const;
type Choice = (typeof CHOICES)[number];
const WORDS: Readonly<Record<Choice, string>> = { system: "Auto", light: "Light", dark: "Dark" };

export function ThemeChoice() {
  const name = useId();
  const [chosen, setChosen] = useState<Choice>(read);
  const choose = (choice: Choice): void => {
    setChosen(choice);
    if (choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = choice;
    try {
      localStorage.setItem("theme", choice);
    } catch {
      // Storage may be refused: the choice lasts until the page is left.
    }
  };
  return (
    <fieldset className="segments">
      <legend className="unseen">Theme</legend>
      {CHOICES.map((choice) => (
        <label key={choice}>
          <input type="radio" name={name} value={choice} checked={chosen === choice} onChange={() => choose(choice)} />
          <span>{WORDS[choice]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function read(): Choice {
  const theme = document.documentElement.dataset["theme"];
  return theme === "light" || theme === "dark" ? theme : "system";
}
