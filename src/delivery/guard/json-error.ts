/** What may come next: a value, a key, a colon, or what follows a value; the first of a list or object may also be its end. */
type Expected = 'value' | 'first-value' | 'key' | 'first-key' | 'colon' | 'after';

const TOKEN =
  /\s*(?:([{}[\],:])|("(?:[^"\\\n]|\\.)*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)))/y;

/** Line, from 1, where a text stops being JSON. V8 does not always tell. */
export function jsonErrorLine(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  TOKEN.lastIndex = 0;
  for (;;) {
    const start = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    const next: Expected | undefined = found ? step(expected, kindOf(found), open) : undefined;
    if (next === undefined) return lineAt(text, start);
    expected = next;
  }
}

function kindOf([, mark, string]: RegExpExecArray): string {
  if (mark !== undefined) return mark;
  return string === undefined ? 'literal' : 'string';
}

/** What may come after this token; undefined when it may not stand here. */
function step(expected: Expected, token: string, open: string[]): Expected | undefined {
  if (token === '}' || token === ']') return closed(expected, token, open);
  switch (expected) {
    case 'colon':
      return token === ':' ? 'value' : undefined;
    case 'after':
      return token === ',' ? afterComma(open) : undefined;
    case 'key':
    case 'first-key':
      return token === 'string' ? 'colon' : undefined;
    case 'value':
    case 'first-value':
      return afterValue(token, open);
    default:
      return expected satisfies never;
  }
}

function afterValue(token: string, open: string[]): Expected | undefined {
  if (token === ':' || token === ',') return undefined;
  if (token !== '{' && token !== '[') return 'after';
  open.push(token);
  return token === '{' ? 'first-key' : 'first-value';
}

function afterComma(open: readonly string[]): Expected | undefined {
  const last = open.at(-1);
  if (last === undefined) return undefined;
  return last === '{' ? 'key' : 'value';
}

function closed(expected: Expected, token: string, open: string[]): Expected | undefined {
  const opening = token === '}' ? '{' : '[';
  const isEmpty = expected === (token === '}' ? 'first-key' : 'first-value');
  if (open.at(-1) !== opening || !(isEmpty || expected === 'after')) return undefined;
  open.pop();
  return 'after';
}

/** Of the first character that is no space. */
function lineAt(text: string, start: number): number {
  const spaces = /\s*/y;
  spaces.lastIndex = start;
  const end = start + (spaces.exec(text)?.[0].length ?? 0);
  return text.slice(0, end < text.length ? end : text.trimEnd().length).split('\n').length;
}
