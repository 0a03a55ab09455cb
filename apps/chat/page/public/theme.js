// before anything is painted: a page that turns dark only later flashes
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // a browser that forbids storage only costs the comfort
}
