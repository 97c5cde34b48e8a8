import { useQuery } from "@tanstack/react-query";

import { workers } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { Badge } from "../show/status.tsx";
import { Distance, Span } from "../show/time.tsx";
import { Table } from "../ui/list.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const MEGABYTE = 1_048_576;

export function Workers() {
  const asked = useQuery(workers);
  return (
    <Page title="Workers" lead="Who carries payouts on just now, and what waits for them. No payout depends on this page.">
      <Answered asked={asked} rows={6}>
        {(fleet) => (
          <>
            {fleet.status !== "ok" && <p className="notice notice-amber" role="status">Redis or Temporal is away, so something is missing here. Payouts go on without Redis.</p>}
            <Section title="Processes">
              {fleet.workers.length === 0 ? (
                <Empty icon="workers" title="No worker says that it is there">
                  Start one, or look at Health whether Redis is away: workers are told of through it.
                </Empty>
              ) : (
                <Table
                  caption="Workers, the longest running first"
                  head={["Worker", { words: "Runs for", wide: true }, "Heard", { words: "Transfers", end: true }, { words: "in the last minute", end: true, wide: true }, { words: "Paid", end: true }, { words: "Memory", end: true, wide: true }]}
                >
                  {fleet.workers.map((worker) => (
                    <Row key={worker.id} worker={worker} />
                  ))}
                </Table>
              )}
            </Section>
            <Section title="Queues">
              <Table caption="What waits" head={["Queue", { words: "Waits", end: true }, { words: "Asked by", end: true }]}>
                {fleet.queues.map((queue) => (
                  <tr key={queue.queue}>
                    <th scope="row">
                      <code>{queue.queue}</code>
                    </th>
                    <td className="end number">{queue.backlog ?? "not known"}</td>
                    <td className="end number">{queue.pollers}</td>
                  </tr>
                ))}
              </Table>
            </Section>
          </>
        )}
      </Answered>
    </Page>
  );
}

function Row({ worker }: { worker: Schemas["Worker"] }) {
  const busy = worker.queues.some((queue) => queue.used !== undefined && queue.used >= queue.slots);
  return (
    <tr>
      <th scope="row">
        {worker.name} {busy && <Badge tone="amber">Every slot taken</Badge>}
        <br />
        <span className="small soft">
          {worker.version}
          {worker.commit && ` · ${worker.commit.slice(0, 7)}`}
        </span>
      </th>
      <td className="wide">
        <Span from={worker.started_at} />
      </td>
      <td>
        <Distance at={worker.seen_at} />
      </td>
      <td className="end number">{worker.transfers}</td>
      <td className="end number wide">{worker.transfers_last_minute}</td>
      <td className="end number">{worker.payouts_completed}</td>
      <td className="end number wide">{worker.rss_bytes === undefined ? "" : `${Math.round(worker.rss_bytes / MEGABYTE)} MB`}</td>
    </tr>
  );
}
