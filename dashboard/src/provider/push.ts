// Push to this browser: asked for by the reader, through our own service worker, and known to the API by the browser's endpoint.

import { answer, api } from "../api/client.ts";

export const canPush = "serviceWorker" in navigator && "PushManager" in window;

/** @throws Error in words, where the reader has said no; ProblemError, Unheard */
export async function pushHere(area: "provider" | "admin" = "provider"): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") throw new Error("The browser does not let this page notify you. Its settings for this site can change that.");
  const { key } = await answer(api.GET(`/api/${area}/push-subscriptions/key`));
  const worker = await navigator.serviceWorker.register("/sw.js");
  await navigator.serviceWorker.ready;
  const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { keys } = subscription.toJSON();
  await answer(api.POST(`/api/${area}/push-subscriptions`, { body: { endpoint: subscription.endpoint, p256dh: keys?.["p256dh"] ?? "", auth: keys?.["auth"] ?? "" } }));
}

export async function pushNoMore(area: "provider" | "admin" = "provider"): Promise<void> {
  const worker = await navigator.serviceWorker.getRegistration("/");
  const subscription = await worker?.pushManager.getSubscription();
  if (!subscription) return;
  await answer(api.DELETE(`/api/${area}/push-subscriptions`, { body: { endpoint: subscription.endpoint } }));
  await subscription.unsubscribe();
}
