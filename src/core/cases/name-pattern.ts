/** Whether names match, as a whole: `*` and `?` stand for any characters. */
export function namePattern(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  return (name) => matches(name, parts);
}

/** Part by part from the left, the shortest way: no pattern takes more than quadratic time. */
function matches(name: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  if (!fits(name, 0, first)) return false;
  const last = rest.pop();
  if (last === undefined) return name.length === first.length;
  let at = first.length;
  for (const part of rest) {
    while (at + part.length <= name.length && !fits(name, at, part)) at += 1;
    if (at + part.length > name.length) return false;
    at += part.length;
  }
  const end = name.length - last.length;
  return end >= at && fits(name, end, last);
}

function fits(name: string, at: number, part: string): boolean {
  if (at + part.length > name.length) return false;
  for (let index = 0; index < part.length; index += 1) {
    if (part[index] !== '?' && part[index] !== name[at + index]) return false;
  }
  return true;
}
