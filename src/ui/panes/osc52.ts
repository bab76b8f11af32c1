/**
 * Bytes of UTF-8 that `osc52` puts into one sequence: its base64 form fits into 74,994 bytes, the
 * least of the known limits (hterm, older xterm and tmux; others take more).
 */
export const MAX_OSC52_BYTES = 56_244;

/**
 * The sequence that makes the terminal put this text on the clipboard. Longer text is cut at a whole
 * character. Terminals that do not know it, or do not allow it, ignore it.
 * Source: xterm control sequences, "Operating System Commands", Ps = 52.
 */
export function osc52(text: string): string {
  return `\x1b]52;c;${Buffer.from(cutToBytes(text, MAX_OSC52_BYTES)).toString('base64')}\x07`;
}

/** The start of the text that is at most so many bytes of UTF-8. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
