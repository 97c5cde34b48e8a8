// @vitest-environment jsdom

import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, describe, expect, it } from "vitest";

import { Entries } from "./entries.tsx";

afterEach(cleanup);

function Times({ most = 3 }: { most?: number }) {
  const [values, setValues] = useState<readonly string[]>(["09:00"]);
  return (
    <>
      <Entries label="Times" type="text" values={values} onChange={setValues} most={most} />
      <output>{values.join(" ")}</output>
    </>
  );
}

describe("several values", () => {
  it("are added by Enter, in order and once, and taken out", async () => {
    const user = userEvent.setup();
    render(<Times />);
    const field = screen.getByLabelText("Times: one more");
    await user.type(field, "08:00{Enter}");
    await user.type(field, "09:00{Enter}");
    expect(screen.getByRole("status").textContent).toBe("08:00 09:00");
    await user.click(screen.getByRole("button", { name: "Take out 09:00" }));
    expect(screen.getByRole("status").textContent).toBe("08:00");
  });

  it("count when the field is left without a press of Add", async () => {
    const user = userEvent.setup();
    render(<Times />);
    await user.type(screen.getByLabelText("Times: one more"), "14:30");
    await user.tab();
    expect(screen.getByRole("status").textContent).toBe("09:00 14:30");
  });

  it("are no more than the API takes", async () => {
    const user = userEvent.setup();
    render(<Times most={1} />);
    await user.type(screen.getByLabelText("Times: one more"), "14:30{Enter}");
    expect(screen.getByRole("status").textContent).toBe("09:00");
  });
});
