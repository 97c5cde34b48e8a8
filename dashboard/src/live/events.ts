// Server-sent events as they come over a `fetch`: an `EventSource` cannot send a token.

/** One event as it was read. `id` is the last one that was told, also by an earlier event. */
export interface Heard {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** More than any event of ours has; beyond it the stream is not ours. */
const LONGEST_EVENT = 65_536;

/**
 * Cuts a stream of text into events, by the rules of the standard (lines may end in any of three ways, also across two pieces).
 * Comments are heard as events named `""`: they say that the stream lives.
 */
export function reader(): (piece: string) => Heard[] {
  let rest = "";
  let id = "";
  let event = "";
  let data: string[] = [];
  return (piece) => {
    const heard: Heard[] = [];
    rest += piece;
    if (rest.length > LONGEST_EVENT) throw new Error("an event is too long");
    for (;;) {
      const end = rest.search(/[\r\n]/);
      // A carriage return at the very end may be half of a line's end.
      if (end === -1 || (rest[end] === "\r" && end === rest.length - 1)) return heard;
      const line = rest.slice(0, end);
      rest = rest.slice(end + (rest.startsWith("\r\n", end) ? 2 : 1));
      if (line === "") {
        if (data.length > 0) heard.push({ event: event || "message", data: data.join("\n"), id });
        event = "";
        data = [];
      } else if (line.startsWith(":")) {
        heard.push({ event: "", data: "", id });
      } else {
        const colon = line.indexOf(":");
        const name = colon === -1 ? line : line.slice(0, colon);
        const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "event") event = value;
        else if (name === "data") data.push(value);
        else if (name === "id" && !value.includes("\0")) id = value;
      }
    }
  };
}
