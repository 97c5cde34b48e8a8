// Shows what is pushed to this browser, and opens the page it is about. It keeps nothing and stands between no request and the server.

self.addEventListener("push", (event) => {
  const told = event.data?.json() ?? {};
  const { id, title = "Payouts", body = "", url } = told;
  event.waitUntil(self.registration.showNotification(title, { body, tag: id, icon: "/mark.svg", data: { url } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  // Only a page of ours, whatever was pushed.
  const asked = new URL(event.notification.data?.url ?? "/provider", self.location.origin);
  const to = asked.origin === self.location.origin ? asked.href : self.location.origin;
  event.waitUntil(self.clients.openWindow(to));
});
