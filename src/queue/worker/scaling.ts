interface Load {
  readonly now: number;
  readonly least: number;
  readonly most: number;
  readonly waiting: number;
  readonly active: number;
}

/** One more while jobs wait and all hands are full, one fewer when hands are idle; within bounds. */
export function nextConcurrency({ now, least, most, waiting, active }: Load): number {
  if (waiting > 0 && active >= now) return Math.min(most, now + 1);
  if (waiting === 0 && active < now) return Math.max(least, now - 1);
  return Math.min(most, Math.max(least, now));
}
