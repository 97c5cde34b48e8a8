// What the stack's mail catcher has received. Its page, for a browser to read mail in, is `stack.mail`.

import { stack } from "./stack.js";

/** @typedef {{ id: string, subject: string, text: string, html: string, time: string, to: { address: string, name: string }[] }} Mail */

/** Only ends what is stuck: a slow machine is no failure. */
const PATIENCE_MS = 300_000;

/** Everything that was sent to this address, oldest first. @param {string} address @returns {Promise<Mail[]>} */
export async function mailsTo(address) {
  if (!stack.mail) throw new Error("this stack catches no mail");
  const answer = await fetch(`${stack.mail}/api/email`);
  if (!answer.ok) throw new Error(`reading the mail: ${answer.status} ${await answer.text()}`);
  const mails = /** @type {Mail[]} */ (await answer.json());
  return mails.filter((mail) => mail.to.some((each) => each.address === address));
}

/** Looks until one with this subject has come. @param {string} address @param {string} subject @returns {Promise<Mail>} */
export async function untilMail(address, subject) {
  for (const began = Date.now(); ; ) {
    const mails = await mailsTo(address);
    const found = mails.find((mail) => mail.subject === subject);
    if (found) return found;
    if (Date.now() - began > PATIENCE_MS) throw new Error(`no “${subject}” came to ${address}, only ${mails.map((mail) => mail.subject).join(", ")}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** Where a browser reads this mail. @param {Mail} mail */
export function pageOf(mail) {
  return `${stack.mail}/#/email/${mail.id}`;
}
