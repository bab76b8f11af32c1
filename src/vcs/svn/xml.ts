/** An element of what `svn --xml` prints. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Its own text. */
  readonly text: string;
}

interface Open {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

const TAG = /<(\/?)([\w-]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/y;
const ATTRIBUTE = /([\w:-]+)="([^"]*)"/g;

/**
 * Reads the small XML of svn: elements, attributes and text, no comments, no sections, no entities of its own.
 * What an error left unclosed is closed at the end.
 */
export function readXml(text: string): Element {
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open: Open[] = [root];
  let at = text.startsWith('<?') ? text.indexOf('?>') + 2 : 0;
  while (at < text.length) {
    const next = text.indexOf('<', at);
    const end = next === -1 ? text.length : next;
    const current = open.at(-1) ?? root;
    current.text += decoded(text.slice(at, end));
    TAG.lastIndex = end;
    const tag = TAG.exec(text);
    at = tag ? TAG.lastIndex : end + 1;
    if (tag) takeTag(open, current, tag);
  }
  return root;
}

function takeTag(
  open: Open[],
  current: Open,
  [, slash, name = '', attributes = '', single]: RegExpExecArray,
): void {
  if (slash === '/') {
    if (open.length > 1) open.pop();
    return;
  }
  const element: Open = {
    name,
    attributes: Object.fromEntries(
      [...attributes.matchAll(ATTRIBUTE)].map(([, key = '', value = '']) => [key, decoded(value)]),
    ),
    children: [],
    text: '',
  };
  current.children.push(element);
  if (single !== '/') open.push(element);
}

/** Every element of that name below this one. */
export function allOf(element: Element, name: string): readonly Element[] {
  return element.children.flatMap((child) => [
    ...(child.name === name ? [child] : []),
    ...allOf(child, name),
  ]);
}

/** Text of the first element of that name directly in this one; empty when there is none. */
export function textIn(element: Element, name: string): string {
  return element.children.find((child) => child.name === name)?.text ?? '';
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    if (typeof decimal === 'string') return String.fromCodePoint(Number(decimal));
    if (typeof hex === 'string') return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[String(name)] ?? all;
  });
}
