import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { canPush, pushHere, pushNoMore } from "./push.ts";
import { notificationSettings } from "./queries.ts";
import { answer, api, ProblemError, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { readable } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Table } from "../ui/list.tsx";
import { Back, Page, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

type Settings = Schemas["NotificationSettings"];
type Channel = "email" | "push";

export function NotificationSettings() {
  const asked = useQuery(notificationSettings);
  return (
    <Page title="Notification settings" lead="Everything is told on this site. Choose what comes by mail and push as well." back={<Back to="/provider/notifications">Notifications</Back>}>
      <Answered asked={asked} rows={8}>
        {(settings) => (
          <>
            <Events settings={settings} />
            <ThisBrowser settings={settings} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Events({ settings }: { settings: Settings }) {
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: (events: Settings["events"]) => {
      const off = (channel: Channel): string[] => events.filter((each) => !each[channel] && !each.mandatory).map((each) => each.event);
      return answer(api.PUT("/api/provider/notification-settings", { body: { email_off: off("email"), push_off: off("push") } }));
    },
    onSuccess: (now) => queries.setQueryData(notificationSettings.queryKey, now),
  });
  const toggle = (event: string, channel: Channel): void => set.mutate(settings.events.map((each) => (each.event === event ? { ...each, [channel]: !each[channel] } : each)));
  return (
    <Section title="What you are told" aside={settings.email ?? "No mail address is known"}>
      {set.error && <ProblemNotice error={set.error} />}
      <Table caption="What you are told, and how" head={["What", "Mail", "Push"]}>
        {settings.events.map((each) => (
          <tr key={each.event}>
            <th scope="row">
              {readable(each.event)}
              {each.mandatory && <span className="small soft"> · always, for the safety of your money</span>}
            </th>
            {(["email", "push"] as const).map((channel) => (
              <td key={channel}>
                <input type="checkbox" aria-label={`${readable(each.event)} by ${channel === "email" ? "mail" : "push"}`} checked={each[channel]} disabled={each.mandatory || set.isPending} onChange={() => toggle(each.event, channel)} />
              </td>
            ))}
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function ThisBrowser({ settings }: { settings: Settings }) {
  const queries = useQueryClient();
  const act = useMutation({ mutationFn: (on: boolean) => (on ? pushHere() : pushNoMore()), onSettled: () => queries.invalidateQueries({ queryKey: notificationSettings.queryKey }) });
  return (
    <Section title="Push">
      <p className="section-words soft">
        {!settings.push_available ? "Nothing is pushed here: the installation has no key for it." : !canPush ? "This browser takes no push messages." : `Pushed to ${settings.browsers} of your browsers.`}
      </p>
      {act.error && (act.error instanceof ProblemError ? <ProblemNotice error={act.error} /> : <p className="notice notice-amber">{act.error.message}</p>)}
      {settings.push_available && canPush && (
        <p className="section-actions">
          <Action onPress={() => act.mutate(true)} isPending={act.isPending}>
            Push to this browser
          </Action>
          <Action kind="quiet" onPress={() => act.mutate(false)} isDisabled={act.isPending}>
            Stop pushing here
          </Action>
        </p>
      )}
    </Section>
  );
}
