// A form that is sent once at a time and says itself what is wrong: the browser's own bubbles are off, and the focus goes to the first field that is wrong.

import type { FormEvent, KeyboardEvent, ReactNode } from "react";

export function FormBox({ onSubmit, busy, children }: { onSubmit: () => void; busy: boolean; children: ReactNode }) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (busy) return;
    const form = event.currentTarget;
    onSubmit();
    // Which fields are wrong is on the page with the next paint.
    requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"], .wrong input')?.focus());
  };
  // In a long field Enter begins a line; with Ctrl it sends.
  const send = (event: KeyboardEvent<HTMLFormElement>): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
  };
  return (
    <form className="form" onSubmit={submit} onKeyDown={send} noValidate>
      {children}
    </form>
  );
}
