// Approvals that stand where two are needed, and the one that was taken back.

import type { Schemas } from "../api/client.ts";
import { When } from "../show/time.tsx";
import { actorWords } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Icon } from "../ui/icon.tsx";

/** `onUndo` takes a first approval back; anybody of the admins may. */
export function Approvals({ review, approvals, onUndo }: { review: Schemas["Review"]; approvals: readonly Schemas["ReviewApproval"][]; onUndo: () => void }) {
  return (
    <>
      {review.approvals_needed > 1 && (
        <div className="notice notice-blue">
          <Icon name="people" />
          <div className="notice-words">
            <p className="strong">
              {review.approvals} of {review.approvals_needed} approvals
            </p>
            {review.approvals === 0 && <p>The amount needs two different people.</p>}
            {approvals.map((approval) => (
              <p key={approval.by}>
                {actorWords(approval.by)}, <When at={approval.at} />: {approval.reason}
              </p>
            ))}
          </div>
          {review.approvals > 0 && (
            <Action kind="quiet" onPress={onUndo}>
              Take it back
            </Action>
          )}
        </div>
      )}
      {review.undone && (
        <div className="notice notice-amber">
          <Icon name="attention" />
          <div className="notice-words">
            <p className="strong">An approval was taken back</p>
            <p>
              {actorWords(review.undone.by)}, <When at={review.undone.at} />: {review.undone.reason}
            </p>
          </div>
        </div>
      )}
    </>
  );
}
