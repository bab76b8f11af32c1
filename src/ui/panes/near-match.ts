import type { LogFile } from './log-file.ts';
import { findLines, type Matcher } from './matcher.ts';
import { scanBuffer, SCAN_BYTES } from './scan-buffer.ts';

const LINE_FEED = 0x0a;
/** 1 MiB: about two milliseconds. */
const MAX_PIECES = 8;

export interface NearOptions {
  /** A line's start. */
  readonly from: number;
  /** Towards the end, this line included; else towards the start, without it. */
  readonly forward: boolean;
}

/** Start of the nearest line that matches, if there is one within 1 MiB. */
export function nearMatch(
  file: LogFile,
  matcher: Matcher,
  { from, forward }: NearOptions,
): number | undefined {
  return forward ? nearAfter(file, matcher, from) : nearBefore(file, matcher, from);
}

function nearAfter(file: LogFile, matcher: Matcher, from: number): number | undefined {
  let offset = from;
  for (let piece = 0; piece < MAX_PIECES; piece += 1) {
    const bytes = scanBuffer().subarray(0, file.readInto(scanBuffer(), offset));
    const isLast = offset + bytes.length >= file.sizeBytes;
    const whole = isLast ? bytes.length : bytes.lastIndexOf(LINE_FEED) + 1;
    if (whole === 0) return undefined;
    const [found] = findLines(bytes.subarray(0, whole), matcher);
    if (found !== undefined) return offset + found;
    offset += whole;
  }
  return undefined;
}

function nearBefore(file: LogFile, matcher: Matcher, from: number): number | undefined {
  let end = from;
  for (let piece = 0; piece < MAX_PIECES && end > 0; piece += 1) {
    const start = Math.max(0, end - SCAN_BYTES);
    const bytes = scanBuffer().subarray(0, Math.min(file.readInto(scanBuffer(), start), end - start));
    const whole = start === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
    if (start > 0 && (whole === 0 || whole === bytes.length)) return undefined;
    const found = findLines(bytes.subarray(whole), matcher).at(-1);
    if (found !== undefined) return start + whole + found;
    end = start + whole;
  }
  return undefined;
}
