import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Span, When } from "../show/time.tsx";
import { actorWords } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";

/** Who has taken a review on, so that two people do not read the same papers. It locks nothing: a decision over it is warned of. */
export function Claim({ review }: { review: Schemas["Review"] }) {
  const me = useSession()?.subject;
  const queries = useQueryClient();
  const params = { path: { id: review.payout_id } };
  const act = useMutation({
    mutationFn: (how: "take" | "let go") => (how === "take" ? answer(api.POST("/api/admin/reviews/{id}/assignment", { params, body: {} })) : answer(api.POST("/api/admin/reviews/{id}/release", { params, body: {} }))),
    onSettled: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "reviews" || queryKey[0] === "review" }),
  });
  const { assigned } = review;
  const mine = assigned !== undefined && actorWords(assigned.to) === me;
  return (
    <>
      <p className="claim small">
        {assigned === undefined ? (
          <>
            <span className="soft">Nobody has taken it on.</span>
            <Action kind="quiet" onPress={() => act.mutate("take")} isPending={act.isPending}>
              Take it on
            </Action>
          </>
        ) : (
          <>
            <span>
              {mine ? "You have" : `${actorWords(assigned.to)} has`} taken it on, until <When at={assigned.until} />.
            </span>
            {mine && (
              <Action kind="quiet" onPress={() => act.mutate("let go")} isPending={act.isPending}>
                Let it go
              </Action>
            )}
          </>
        )}
        {review.reminded_at && (
          <span className="soft">
            Reminded <Span from={review.reminded_at} /> ago.
          </span>
        )}
      </p>
      {act.error && <ProblemNotice error={act.error} />}
    </>
  );
}
