// A secret that is shown once: copied by a press, or by hand.

import { useState } from "react";

import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";

export function SecretOnce({ secret, old, onClose }: { secret: string | null; old?: boolean; onClose: () => void }) {
  const [copied, setCopied] = useState<"copied" | "by hand">();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(secret ?? "");
      setCopied("copied");
    } catch {
      // Only a page over https may.
      setCopied("by hand");
    }
  };
  return (
    <Question title="Its secret, shown this once" isOpen={secret !== null} onClose={onClose} alert>
      <p>Events are signed with it in the format of Standard Webhooks. Put it where your receiver reads its secrets: it is never shown again.</p>
      <p className="secret">
        <code>{secret}</code>
      </p>
      {old && <p className="soft">For 24 hours the secret before signs as well, so nothing is lost while you change over.</p>}
      {copied && <p role="status">{copied === "copied" ? "Copied." : "The browser does not let this page copy: select it and copy it yourself."}</p>}
      <div className="dialog-actions">
        <Action onPress={() => void copy()}>Copy</Action>
        <Action kind="main" onPress={onClose}>
          I have kept it
        </Action>
      </div>
    </Question>
  );
}
