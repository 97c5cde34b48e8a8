import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { notifications } from "./queries.ts";
import { When } from "../show/time.tsx";
import { stepWords } from "../show/words.ts";
import { Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/provider/notifications");

/** An event of a message is the step of the payout that it tells of. */
const STEP: Readonly<Record<string, string>> = { received: "requested", returned: "reversed" };

export function Notifications() {
  const search = route.useSearch();
  const asked = useQuery(notifications(search));
  return (
    <Page title="Notifications" lead="What you were told about your payouts, newest first.">
      <section className="section" aria-label="Notifications" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={8}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <ul className="rows">
                  {items.map((message) => (
                    <li key={message.id}>
                      <Link to="/provider/payouts/$id" params={{ id: message.payout_id }} className="row">
                        <span className={`step-dot step-${stepWords(STEP[message.event] ?? message.event).tone}`} aria-hidden="true" />
                        <span className="row-main">
                          <span className="strong">{message.title}</span>
                          <span className="soft">{message.body}</span>
                        </span>
                        <span className="row-side small soft">
                          <When at={message.created_at} />
                        </span>
                      </Link>
                    </li>
                  ))}
                </ul>
              ) : (
                <Empty icon="bell" title="Nothing to tell yet">
                  Each step of a payout that matters to you is told here.
                </Empty>
              )}
              <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}
