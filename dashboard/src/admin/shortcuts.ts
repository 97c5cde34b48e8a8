// Single-key commands of the review queue. They can be turned off, as those who speak to their computer need to (WCAG 2.1.4).

import { useEffect, useEffectEvent, useState } from "react";

const KEPT_AS = "shortcuts-off";

/** Hears these keys while nothing is being typed and no dialog is open. */
export function useShortcuts(commands: Readonly<Record<string, () => void>>, enabled: boolean): void {
  const hear = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select, [role=dialog], [role=alertdialog]")) return;
    const command = commands[event.key];
    if (!command || (!enabled && event.key !== "?")) return;
    event.preventDefault();
    command();
  });
  useEffect(() => {
    document.addEventListener("keydown", hear);
    return () => document.removeEventListener("keydown", hear);
  }, []);
}

export function useShortcutsSetting(): readonly [enabled: boolean, set: (enabled: boolean) => void] {
  const [enabled, setEnabled] = useState(() => {
    try {
      return localStorage.getItem(KEPT_AS) === null;
    } catch {
      return true;
    }
  });
  const set = (value: boolean): void => {
    setEnabled(value);
    try {
      if (value) localStorage.removeItem(KEPT_AS);
      else localStorage.setItem(KEPT_AS, "1");
    } catch {
      // Storage may be refused: the setting lasts until the page is left.
    }
  };
  return [enabled, set];
}
