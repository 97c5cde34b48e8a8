// Another schedule: at intervals, by a calendar, at once, or as the installation has it.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { me } from "./queries.ts";
import { dayWords } from "./schedule.tsx";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { dayName } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Entries } from "../ui/entries.tsx";
import { Field } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { ZoneField } from "../ui/zone.tsx";

type Kind = Schemas["ScheduleKind"];

const KINDS: readonly (readonly [Kind, string])[] = [
  ["calendar", "At times of day, on days of the week"],
  ["interval", "Every so many minutes"],
  ["instant", "At once: every approval starts a batch"],
  ["settings", "As the installation says (BATCH_WINDOW)"],
];
const DAYS = [1, 2, 3, 4, 5, 6, 7] as const;
/** As many as the API takes. */
const MOST_TIMES = 96;
const MOST_HOLIDAYS = 1000;

export function ScheduleForm({ rules, onClose, onDone }: { rules: Schemas["BatchRules"]; onClose: () => void; onDone: () => void }) {
  const { data: who } = useQuery(me);
  const [kind, setKind] = useState<Kind>(rules.kind);
  const [every, setEvery] = useState(String(rules.every_minutes ?? 60));
  const [anchor, setAnchor] = useState(() => localMinute(rules.anchor === undefined ? nextHour() : new Date(rules.anchor)));
  const [times, setTimes] = useState<readonly string[]>(rules.times ?? ["09:00"]);
  const [days, setDays] = useState<readonly number[]>(rules.days ?? [1, 2, 3, 4, 5]);
  const [zone, setZone] = useState(rules.time_zone);
  const [holidays, setHolidays] = useState<readonly string[]>(rules.holidays ?? []);
  const [tried, setTried] = useState(false);
  const queries = useQueryClient();
  const wanted = zone ?? who?.installation.time_zone ?? "UTC";
  const change = useMutation({
    mutationFn: () => answer(api.PUT("/api/admin/batches/schedule", { body: order() })),
    onSuccess: onDone,
    onSettled: () => queries.invalidateQueries(),
  });

  const order = (): Schemas["ScheduleOrder"] => {
    switch (kind) {
      case "instant":
      case "settings":
        return { kind };
      case "interval":
        return { kind, every_minutes: Number(every), anchor: new Date(anchor).toISOString() };
      case "calendar":
        return { kind, times: [...times], days: [...days], time_zone: wanted, holidays: [...holidays] };
    }
  };
  const missing = {
    every: kind === "interval" && !/^\d{1,5}$/.test(every.trim()) ? "Enter whole minutes, from 1 to 10080 (a week)." : undefined,
    anchor: kind === "interval" && anchor === "" ? "Say from when." : undefined,
    times: kind === "calendar" && times.length === 0 ? "Add a time of day." : undefined,
    days: kind === "calendar" && days.length === 0 ? "Choose a day." : undefined,
  };
  const wrong = (field: string, own: string | undefined): string | undefined => fieldError(change.error, field) ?? (tried ? own : undefined);
  const submit = (): void => {
    setTried(true);
    if (!Object.values(missing).some(Boolean)) change.mutate();
  };
  const daysWrong = wrong("days", missing.days);
  return (
    <FormBox onSubmit={submit} busy={change.isPending}>
      <fieldset className="verdicts">
        <legend className="strong">Batches leave</legend>
        {KINDS.map(([each, words]) => (
          <label key={each} className="check">
            <input type="radio" name="kind" checked={kind === each} onChange={() => setKind(each)} />
            {words}
          </label>
        ))}
        {fieldError(change.error, "kind") && <p className="field-error">{fieldError(change.error, "kind")}</p>}
      </fieldset>
      {kind === "interval" && (
        <div className="pair">
          <Field label="Every so many minutes" value={every} onChange={setEvery} error={wrong("every_minutes", missing.every)} input={{ inputMode: "numeric" }} isRequired />
          <Field label="The first one at" value={anchor} onChange={setAnchor} error={wrong("anchor", missing.anchor)} type="datetime-local" isRequired />
        </div>
      )}
      {kind === "calendar" && (
        <>
          <Entries label="Times of day" type="time" values={times} onChange={setTimes} most={MOST_TIMES} error={wrong("times", missing.times)} />
          <fieldset className={daysWrong ? "entries wrong" : "entries"}>
            <legend>Days</legend>
            <span className="days">
              {DAYS.map((day) => (
                <label key={day}>
                  <input type="checkbox" checked={days.includes(day)} aria-label={dayName(day, "long")} onChange={() => setDays(DAYS.filter((each) => (each === day) !== days.includes(each)))} />
                  <span aria-hidden="true">{dayName(day, "short")}</span>
                </label>
              ))}
            </span>
            {daysWrong && <span className="field-error">{daysWrong}</span>}
          </fieldset>
          <ZoneField label="Time zone of these" value={wanted} onChange={setZone} error={fieldError(change.error, "time_zone")} />
          <Entries label="Holidays" help="Days without windows. What is approved by then waits for the next one." type="date" values={holidays} onChange={setHolidays} most={MOST_HOLIDAYS} words={dayWords} error={fieldError(change.error, "holidays")} />
        </>
      )}
      {kind === "instant" && rules.kind !== "instant" && <p className="notice notice-amber">Nothing waits for a window any more: an approval can be taken back only as long as its batch has not begun, which is a moment.</p>}
      {kind === "settings" && rules.set_by_people && <p className="soft">What people have set is taken back.</p>}
      {change.error && <ProblemNotice error={change.error} />}
      <div className="dialog-actions">
        <Action onPress={onClose} isDisabled={change.isPending}>
          Not now
        </Action>
        <Action kind="main" type="submit" isPending={change.isPending}>
          Change the schedule
        </Action>
      </div>
    </FormBox>
  );
}

function nextHour(): Date {
  const at = new Date();
  at.setHours(at.getHours() + 1, 0, 0, 0);
  return at;
}

/** As `<input type="datetime-local">` takes it: where the reader is. */
function localMinute(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
