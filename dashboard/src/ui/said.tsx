// What was just done, said to everybody: shown for a while, and read out by screen readers.

import { useEffect, useState } from "react";

import { Icon } from "./icon.tsx";

const SHOWN_FOR_MS = 7000;

/** `words` change with each thing done; the same words twice are one. */
export function Said({ words }: { words: string }) {
  const [gone, setGone] = useState("");
  useEffect(() => {
    if (!words) return;
    const timer = setTimeout(() => setGone(words), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [words]);
  const shown = words !== "" && words !== gone;
  return (
    <div className="said" role="status">
      {shown && (
        <p className="said-words">
          <Icon name="check" size={18} />
          {words}
        </p>
      )}
    </div>
  );
}
