// The style sheet of all our elements.

/** Load the style sheet once per page. */
export function ensureStyle() {
  const address = new URL("./viewer.css", import.meta.url).href;
  if (document.querySelector(`link[href="${address}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  document.head.append(link);
}
