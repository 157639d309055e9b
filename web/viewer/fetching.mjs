// Fetches the file of a world, with clear error messages.

import { tr } from "../i18n/translate.mjs";
import { MOST_BYTES, megabytes } from "./source.mjs";

/**
 * @param {import("./source.mjs").SplatFile} file
 * @param {string} address
 * @param {AbortSignal} signal
 * @param {(detail: string, fraction: number | null) => void} onProgress text and fraction
 * @returns {Promise<Uint8Array>}
 */
export async function fetchBytes(file, address, signal, onProgress) {
  const response = await fetch(address, { signal }).catch((error) => {
    throw signal.aborted ? error : new Error(tr("The server does not respond. Is ComfyUI running?"));
  });
  const { filename: name } = file;
  if (response.status === 404) {
    const hint = file.type === "temp" ? tr(" ComfyUI clears its temp folder on startup; run the workflow again.") : "";
    throw new Error(tr("{name} no longer exists.", { name }) + hint);
  }
  if (!response.ok || !response.body) throw new Error(tr("Could not load {name} (HTTP status {status}).", { name, status: response.status }));
  const total = Number(response.headers.get("Content-Length")) || 0;
  if (total > MOST_BYTES) {
    response.body.cancel();
    const values = { name, size: megabytes(total), most: megabytes(MOST_BYTES) };
    throw new Error(
      tr("{name} is too large: {size}; this viewer opens at most {most}. Save it as SPZ, or reduce it with Prune Splats or Splat Levels of Detail.", values),
    );
  }
  const chunks = [];
  let size = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    size += part.value.length;
    if (size > MOST_BYTES) throw new Error(tr("{name} is too large: more than {most}.", { name, most: megabytes(MOST_BYTES) }));
    const detail = total ? tr("{part} of {whole}", { part: megabytes(size), whole: megabytes(total) }) : megabytes(size);
    onProgress(detail, total ? size / total : null);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** Whether a PLY file has the provenance property of this pack's worlds. @param {Uint8Array} bytes */
export const keepsOrigins = (bytes) =>
  bytes[0] === 0x70 && /^ply[\s\S]* origin\n/.test(new TextDecoder("latin1").decode(bytes.subarray(0, 4096)));
