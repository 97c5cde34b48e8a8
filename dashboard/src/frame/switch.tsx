// Whether anything may leave: in the menu always, and on every page of an admin while nothing may.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { pauses } from "../admin/pauses-query.ts";
import { withMoney } from "../show/money.ts";
import { Distance, When } from "../show/time.tsx";
import { actorWords } from "../show/words.ts";
import { Icon } from "../ui/icon.tsx";

/** Who stopped everything, when and why. */
export function Stopped() {
  const { data } = useQuery(pauses);
  const everything = data?.find((pause) => pause.scope === "system");
  if (!everything) return null;
  return (
    <div className="page page-wide">
      <div className="notice notice-red" role="region" aria-label="All payouts are stopped">
        <Icon name="pause" />
        <div className="notice-words">
          {/* Said once: how long ago it was moves on by itself. */}
          <p className="strong" role="status">
            All payouts are stopped
          </p>
          <p>
            {withMoney(everything.reason)} <span className="soft">By {actorWords(everything.paused_by)}, <Distance at={everything.paused_at} /> (<When at={everything.paused_at} />).</span>
          </p>
        </div>
        <Link to="/admin/pauses">Pay again</Link>
      </div>
    </div>
  );
}

/** In the menu, so that it is never a question. */
export function SwitchState({ onGo }: { onGo?: (() => void) | undefined }) {
  const { data, error } = useQuery(pauses);
  if (!data) return error ? <p className="switch small soft">Whether payouts leave is not known just now.</p> : null;
  const stopped = data.some((pause) => pause.scope === "system");
  const some = data.length - (stopped ? 1 : 0);
  return (
    <Link to="/admin/pauses" className={stopped ? "switch switch-off small" : "switch small"} onClick={onGo}>
      <span className="dot" aria-hidden="true" />
      <span>
        {stopped ? "All payouts stopped" : "Payouts leave"}
        {some > 0 && <span className="soft">, {some} paused</span>}
      </span>
    </Link>
  );
}
