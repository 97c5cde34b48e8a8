// Before the first paint: the theme that the reader chose, if they chose one. A file, so that no inline script need be allowed.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be refused; the system's theme it is.
}
