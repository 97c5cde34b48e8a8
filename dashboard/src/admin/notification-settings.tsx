// Who of the staff is mailed what, and push to this browser.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import "../styles/admin.css";
import { adminNotificationSettings } from "./queries.ts";
import { answer, api, ProblemError, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { canPush, pushHere, pushNoMore } from "../provider/push.ts";
import { readable } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Back, Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

type Settings = Schemas["AdminNotificationSettings"];
interface Open {
  readonly email: string | null;
  readonly events: readonly string[];
}

export function AdminNotificationSettings() {
  const asked = useQuery(adminNotificationSettings);
  const [open, setOpen] = useState<Open | null>(null);
  const [said, setSaid] = useState("");
  return (
    <Page title="Notification settings" lead="Everything is told on this site to every admin. Choose which addresses are mailed what as well." back={<Back to="/admin/notifications">Notifications</Back>}>
      <Said words={said} />
      <Answered asked={asked} rows={6}>
        {(settings) => (
          <>
            {!settings.email_available && <p className="notice notice-amber">This installation sends no mail (SMTP is not set up). Addresses can be kept for later.</p>}
            <Section title="Who is mailed what" aside={<Action onPress={() => setOpen({ email: null, events: settings.events })}>Add an address</Action>}>
              {settings.contacts.length === 0 ? (
                <Empty icon="bell" title="Nobody is mailed">
                  Add the address of a person, or of a mailing list.
                </Empty>
              ) : (
                <ul className="rows">
                  {settings.contacts.map((contact) => (
                    <li key={contact.email} className="row row-wrap">
                      <span className="row-main">
                        <span className="strong">{contact.email}</span>
                        <span className="small soft">{contact.events.length === settings.events.length ? "everything" : contact.events.map((event) => readable(event).toLowerCase()).join(", ")}</span>
                      </span>
                      <span className="row-side">
                        <Action onPress={() => setOpen({ email: contact.email, events: contact.events })} aria-label={`Change what ${contact.email} is mailed`}>
                          Change
                        </Action>
                      </span>
                    </li>
                  ))}
                </ul>
              )}
            </Section>
            <ThisBrowser settings={settings} />
            <Question title={open?.email ? "What is it mailed?" : "Add an address"} isOpen={open !== null} onClose={() => setOpen(null)}>
              {open && (
                <ContactForm
                  key={open.email}
                  open={open}
                  settings={settings}
                  onClose={() => setOpen(null)}
                  onDone={(words) => {
                    setOpen(null);
                    setSaid(words);
                  }}
                />
              )}
            </Question>
          </>
        )}
      </Answered>
    </Page>
  );
}

function ContactForm({ open, settings, onClose, onDone }: { open: Open; settings: Settings; onClose: () => void; onDone: (said: string) => void }) {
  const [email, setEmail] = useState(open.email ?? "");
  const [events, setEvents] = useState<readonly string[]>(open.events);
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: (wanted: readonly string[]) => answer(api.PUT("/api/admin/notification-settings", { body: { email: email.trim(), events: [...wanted] } })),
    onSuccess: (now, wanted) => {
      queries.setQueryData(adminNotificationSettings.queryKey, now);
      onDone(wanted.length === 0 ? `${email.trim()} is mailed nothing any more` : `${email.trim()} is mailed ${wanted.length === 1 ? "one thing" : `${wanted.length} things`}`);
    },
  });
  const submit = (): void => {
    setTried(true);
    if (email.trim()) set.mutate(events);
  };
  return (
    <FormBox onSubmit={submit} busy={set.isPending}>
      {open.email ? (
        <p className="strong">{open.email}</p>
      ) : (
        <Field label="Address" help="A person's or a mailing list's. At most 30 mails an hour go to one." type="email" value={email} onChange={setEmail} error={fieldError(set.error, "email") ?? (tried && !email.trim() ? "Enter the address." : undefined)} maxLength={254} isRequired autoFocus autoComplete="off" />
      )}
      <fieldset className="verdicts">
        <legend className="strong">Is mailed</legend>
        {settings.events.map((event) => (
          <label key={event} className="check">
            <input type="checkbox" checked={events.includes(event)} onChange={() => setEvents(settings.events.filter((each) => (each === event) !== events.includes(each)))} />
            {readable(event)}
          </label>
        ))}
      </fieldset>
      {set.error && <ProblemNotice error={set.error} />}
      <div className="dialog-actions">
        {open.email && (
          <span className="dialog-hint">
            <Action kind="danger" onPress={() => set.mutate([])} isDisabled={set.isPending}>
              Remove it
            </Action>
          </span>
        )}
        <Action onPress={onClose} isDisabled={set.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={set.isPending}>
          {open.email ? "Change it" : "Add it"}
        </Action>
      </div>
    </FormBox>
  );
}

function ThisBrowser({ settings }: { settings: Settings }) {
  const [said, setSaid] = useState("");
  const act = useMutation({ mutationFn: (on: boolean) => (on ? pushHere("admin") : pushNoMore("admin")), onSuccess: (_, on) => setSaid(on ? "This browser is pushed to" : "This browser is not pushed to any more") });
  return (
    <Section title="Push">
      <Said words={said} />
      <p className="section-words soft">{!settings.push_available ? "Nothing is pushed here: the installation has no key for it." : !canPush ? "This browser takes no push messages." : "What is told on this site can be pushed to this browser too."}</p>
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
