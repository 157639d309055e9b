// Loads the style sheets of the views.

/** Load a style sheet once per page. @param {string} [name] relative to this folder */
export function ensureStyle(name = "./viewer.css") {
  const address = new URL(name, import.meta.url).href;
  if (document.querySelector(`link[href="${address}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  document.head.append(link);
}
