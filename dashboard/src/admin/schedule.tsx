// When batches leave and how much may leave at once: as it is, the next windows, and how it is changed.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import "../styles/admin.css";
import { LimitsForm } from "./limits-form.tsx";
import { me, windows } from "./queries.ts";
import { ScheduleForm } from "./schedule-form.tsx";
import type { Schemas } from "../api/client.ts";
import { type Currency, formatMoney } from "../show/money.ts";
import { formatDistance, formatWhen, useNow, When } from "../show/time.tsx";
import { actorWords, dayName } from "../show/words.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

export function Schedule() {
  const asked = useQuery(windows);
  const [open, setOpen] = useState<"schedule" | "limits" | null>(null);
  const [said, setSaid] = useState("");
  const done = (words: string) => (): void => {
    setOpen(null);
    setSaid(words);
  };
  return (
    <Page title="Schedule and limits" lead="When approved payouts leave, and how much of them at once. A change counts at once, in every process, and is kept in the audit trail." back={<Back to="/admin/batches">Batches</Back>}>
      <Said words={said} />
      <Answered asked={asked} rows={8}>
        {(rules) => (
          <>
            <Section title="Schedule" aside={<Action onPress={() => setOpen("schedule")}>Change the schedule</Action>}>
              <Facts
                facts={[
                  ["Batches leave", scheduleWords(rules)],
                  rules.kind === "interval" && rules.anchor !== undefined && ["Counted from", <When key="anchor" at={rules.anchor} />],
                  rules.holidays !== undefined && rules.holidays.length > 0 && ["Not on", rules.holidays.map((day) => dayWords(day)).join(" · ")],
                  ["Set by", rules.set_by_people ? "people, as below" : "the installation (BATCH_WINDOW)"],
                  rules.changed_at !== undefined && rules.changed_by !== undefined && ["Last change", <span key="changed">by {actorWords(rules.changed_by)}, <When at={rules.changed_at} /></span>],
                ]}
              />
            </Section>
            <Section title="Next windows">
              {rules.windows.length === 0 ? (
                <Empty icon="batch" title="There are no windows">
                  {rules.kind === "instant" ? "Every approval starts a batch of its own." : "No day and time of this schedule comes. Change it, or run batches by hand."}
                </Empty>
              ) : (
                <NextWindows rules={rules} />
              )}
            </Section>
            <Section title="How much may leave" aside={<Action onPress={() => setOpen("limits")}>Change the limits</Action>}>
              <Facts
                facts={[
                  ["In one batch", limitWords(rules.batch_limits)],
                  ["On one day", limitWords(rules.day_limits)],
                  ["A day begins", `at midnight in ${rules.limits_time_zone}`],
                ]}
              />
              <p className="section-foot small soft">What is over a limit stays approved and leaves with the next batch, or on the next day; its page says so.</p>
            </Section>
            <Question title="When are batches to leave?" isOpen={open === "schedule"} onClose={() => setOpen(null)}>
              <ScheduleForm rules={rules} onClose={() => setOpen(null)} onDone={done("The schedule is changed, from now on.")} />
            </Question>
            <Question title="How much may leave at once?" isOpen={open === "limits"} onClose={() => setOpen(null)}>
              <LimitsForm rules={rules} onClose={() => setOpen(null)} onDone={done("The limits are changed, from the next claim on.")} />
            </Question>
          </>
        )}
      </Answered>
    </Page>
  );
}

/** The shorter form, beside the batches. */
export function ScheduleInShort() {
  const asked = useQuery(windows);
  return (
    <Section
      title="When batches leave"
      aside={
        <ActionLink to="/admin/schedule" kind="quiet">
          Schedule and limits
        </ActionLink>
      }
    >
      <Answered asked={asked} rows={3}>
        {(rules) => (
          <Facts
            facts={[
              ["Schedule", scheduleWords(rules)],
              ["Limits of a batch", limitWords(rules.batch_limits)],
              ["Limits of a day", limitWords(rules.day_limits)],
            ]}
          />
        )}
      </Answered>
    </Section>
  );
}

function NextWindows({ rules }: { rules: Schemas["BatchRules"] }) {
  const now = useNow();
  const { data } = useQuery(me);
  const zone = rules.time_zone ?? data?.installation.time_zone;
  const elsewhere = zone !== undefined && zone !== Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <>
      <ol className="windows">
        {rules.windows.map((at) => (
          <li key={at}>
            <span className="strong">
              <time dateTime={at}>{weekday(new Date(at))}</time>
            </span>
            <span className="small soft">
              {formatDistance(new Date(at), now)}
              {elsewhere && <> · {formatWhen(new Date(at), now, undefined, zone)} there</>}
            </span>
          </li>
        ))}
      </ol>
      {elsewhere && (
        <p className="section-foot small soft with-icon">
          <Icon name="clock" size={16} /> Shown in your time zone; “there” is {zone}.
        </p>
      )}
    </>
  );
}

function weekday(at: Date): string {
  return new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(at);
}

/** A day without a time has no zone: it is shown as it is. */
export function dayWords(day: string): string {
  return new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

export function scheduleWords(rules: Schemas["BatchRules"]): string {
  const zone = rules.time_zone ? ` (${rules.time_zone})` : "";
  switch (rules.kind) {
    case "instant":
      return "At once: every approval starts a batch";
    case "interval":
      return `Every ${minutes(rules.every_minutes)}`;
    case "settings":
      return `Every ${minutes(rules.every_minutes)}, counted from midnight${zone}`;
    case "calendar":
      return `${daysWords(rules.days ?? [])} at ${(rules.times ?? []).join(", ")}${zone}`;
  }
}

function minutes(count: number | undefined): string {
  if (count === undefined) return "so often as the installation says";
  if (count % 60 !== 0) return `${count} minutes`;
  return count === 60 ? "hour" : `${count / 60} hours`;
}

function daysWords(days: readonly number[]): string {
  if (days.length === 7) return "Every day";
  if (days.join() === "1,2,3,4,5") return "Monday to Friday";
  return days.map((day) => dayName(day, "long")).join(", ");
}

function limitWords(limits: readonly Schemas["BatchLimit"][]): string {
  const words = limits.map(({ currency, amount, payouts }) => [amount !== undefined && formatMoney({ amount, currency: currency as Currency }), payouts !== undefined && `${payouts.toLocaleString()} ${payouts === 1 ? "payout" : "payouts"} in ${currency}`].filter(Boolean).join(" and "));
  return words.filter(Boolean).join(" · ") || "As much as there is";
}
