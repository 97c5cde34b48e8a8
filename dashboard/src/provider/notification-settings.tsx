import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import "../styles/provider.css";
import { canPush, pushHere, pushNoMore } from "./push.ts";
import { notificationSettings } from "./queries.ts";
import { answer, api, ProblemError, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { messageWords } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
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
            <Mail settings={settings} />
            <Events settings={settings} />
            <ThisBrowser settings={settings} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Mail({ settings: { email } }: { settings: Settings }) {
  return (
    <Section title="Mail">
      <p className="section-words">
        {email === undefined ? (
          <span className="soft">No mail address of yours is known here, so nothing is mailed. The marketplace can add one.</span>
        ) : (
          <>
            Mail goes to <span className="strong">{email}</span>. <span className="soft">The marketplace changes the address; what is chosen below stays.</span>
          </>
        )}
      </p>
    </Section>
  );
}

const CHANNELS = [
  ["email", "Mail"],
  ["push", "Push"],
] as const satisfies readonly (readonly [Channel, string])[];

function Events({ settings }: { settings: Settings }) {
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: (events: Settings["events"]) => {
      const off = (channel: Channel): string[] => events.filter((each) => !each[channel] && !each.mandatory).map((each) => each.event);
      return answer(api.PUT("/api/provider/notification-settings", { body: { email_off: off("email"), push_off: off("push") } }));
    },
    // One after the other: the last choice is the one that stands.
    scope: { id: "notification-settings" },
    onSuccess: (now) => queries.setQueryData(notificationSettings.queryKey, now),
  });
  // What was chosen is shown at once; where it was refused, what stands is shown again.
  const events = set.isPending ? set.variables : settings.events;
  const toggle = (event: string, channel: Channel): void => set.mutate(events.map((each) => (each.event === event ? { ...each, [channel]: !each[channel] } : each)));
  return (
    <Section title="What you are told">
      {set.error && <ProblemNotice error={set.error} />}
      <ul className="channels">
        {events.map((each) => {
          const { words } = messageWords(each.event);
          return (
            <li key={each.event}>
              <span className="channels-words">
                <span>{words}</span>
                {each.mandatory && <span className="small soft">Always told, for the safety of your money</span>}
              </span>
              <span className="channels-ways">
                {CHANNELS.map(([channel, name]) => (
                  <label key={channel} className="check">
                    <input type="checkbox" aria-label={`${words}: by ${name.toLowerCase()}`} checked={each[channel]} disabled={each.mandatory} onChange={() => toggle(each.event, channel)} />
                    <span aria-hidden="true">{name}</span>
                  </label>
                ))}
              </span>
            </li>
          );
        })}
      </ul>
      <p role="status" className="unseen">
        {set.isSuccess ? "Saved" : ""}
      </p>
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
