import { Badge } from "./status.tsx";
import type { Tone } from "./words.ts";
import type { Schemas } from "../api/client.ts";

const STATES: Readonly<Record<Schemas["MessageState"], { words: string; tone: Tone }>> = {
  pending: { words: "On its way", tone: "blue" },
  delivered: { words: "Delivered", tone: "green" },
  failed: { words: "Failed", tone: "red" },
  dropped: { words: "Not wanted any more", tone: "grey" },
};

export const MESSAGE_STATE_WORDS: readonly (readonly [Schemas["MessageState"], string])[] = [
  ["failed", STATES.failed.words],
  ["pending", STATES.pending.words],
  ["delivered", STATES.delivered.words],
  ["dropped", STATES.dropped.words],
];

export function MessageState({ message: { state } }: { message: { state: Schemas["MessageState"] } }) {
  return <Badge tone={STATES[state].tone}>{STATES[state].words}</Badge>;
}
