import { describe, expect, it } from "vitest";

import { reader } from "./events.ts";

describe("server-sent events", () => {
  const text = 'retry: 2000\n\nevent: ready\nid: 4-0\ndata: {"event":"ready"}\n\n: still here\n\nevent: payout.changed\r\nid: 5-0\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: x\r\r';
  const events = [
    { event: "ready", data: '{"event":"ready"}', id: "4-0" },
    { event: "", data: "", id: "4-0" },
    { event: "payout.changed", data: '{"a":\n1}', id: "5-0" },
    { event: "message", data: "x", id: "5-0" },
  ];

  it("are read however they arrive", () => {
    for (let size = 1; size <= text.length; size += 1) {
      const read = reader();
      const heard = [];
      for (let at = 0; at < text.length; at += size) heard.push(...read(text.slice(at, at + size)));
      // The last line's end may be half of one until something follows.
      heard.push(...read(":"));
      expect(heard.slice(0, 4), `in pieces of ${size}`).toEqual(events);
    }
  });

  it("are given up when they never end", () => {
    const read = reader();
    expect(() => read("data: ".padEnd(70_000, "x"))).toThrow();
  });
});
