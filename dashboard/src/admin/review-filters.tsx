import { useNavigate } from "@tanstack/react-router";

import type { Schemas } from "../api/client.ts";
import { anyFilter, only, type reviewsSearch } from "../show/search.ts";
import { RULE_WORDS } from "../show/words.ts";
import { AmountChoice, Choice } from "../ui/field.tsx";
import { Filters } from "../ui/list.tsx";

type Search = Omit<ReturnType<typeof reviewsSearch>, "payout">;

/** What the queue shows and in which order, and how much there is of it. */
export function ReviewFilters({ search, total }: { search: Search; total: Schemas["ReviewTotal"] | undefined }) {
  const navigate = useNavigate({ from: "/admin/reviews" });
  const filter = (change: { [Name in keyof Search]?: Search[Name] | string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, payout: undefined, ...change }) as Search, replace: true });
  };
  const flagged = (value: string | undefined): boolean | undefined => (value === undefined ? undefined : value === "true");
  return (
    <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
      <Choice
        label="Order"
        any="Longest waiting"
        value={search.sort === "largest" ? "largest" : undefined}
        options={[["largest", "Largest amount"]]}
        onChange={(sort) => filter({ sort })}
      />
      <Choice label="Rule that fired" value={search.rule} options={Object.entries(RULE_WORDS)} onChange={(rule) => filter({ rule })} />
      <Choice
        label="Taken on by"
        value={search.assigned}
        options={[
          ["me", "Me"],
          ["nobody", "Nobody"],
          ["anybody", "Somebody"],
        ]}
        onChange={(assigned) => filter({ assigned })}
      />
      <Choice
        label="Waits for"
        value={search.awaiting_second === undefined ? undefined : String(search.awaiting_second)}
        options={[
          ["false", "A decision"],
          ["true", "A second approval"],
        ]}
        onChange={(value) => filter({ awaiting_second: flagged(value) })}
      />
      <Choice
        label="Escalated"
        value={search.escalated === undefined ? undefined : String(search.escalated)}
        options={[
          ["true", "Yes"],
          ["false", "Not yet"],
        ]}
        onChange={(value) => filter({ escalated: flagged(value) })}
      />
      <AmountChoice label="At least" value={search.min_amount} onChange={(min_amount) => filter({ min_amount })} />
      <AmountChoice label="At most" value={search.max_amount} onChange={(max_amount) => filter({ max_amount })} />
      {total && (
        <p className="filters-total small soft" role="status">
          {total.count.toLocaleString()}
          {total.more ? " and more" : ""} {total.count === 1 ? "waits" : "wait"}
        </p>
      )}
    </Filters>
  );
}
