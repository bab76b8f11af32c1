/** A field of an interface, as its source says it. */
export interface Field {
  readonly name: string;
  readonly optional: boolean;
  readonly type: string;
  readonly doc: string;
}

export interface Shape {
  readonly name: string;
  readonly doc: string;
  readonly fields: readonly Field[];
}

/** One member of a union of object types, with its fields. */
export type Member = Omit<Shape, 'name'>;

const DOC = String.raw`(?:\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s*)?`;

/** The exported interfaces of a source file, in its order. Only the style of this project is understood. */
export function interfacesOf(source: string): readonly Shape[] {
  const heads = new RegExp(String.raw`${DOC}(?:export )?interface (\w+)[^{]*\{`, 'g');
  return [...source.matchAll(heads)].map((match) => {
    const begin = match.index + match[0].length;
    return { name: match[2] ?? '', doc: plain(match[1]), fields: fieldsOf(bodyFrom(source, begin)) };
  });
}

/** The members of `export type NAME = | {…} | {…};`. */
export function unionOf(source: string, name: string): readonly Member[] {
  const begin = source.indexOf(`export type ${name} =`);
  if (begin < 0) throw new Error(`there is no type ${name}`);
  const members: Member[] = [];
  const member = new RegExp(String.raw`\s*${DOC}\|\s*\{`, 'y');
  member.lastIndex = begin + `export type ${name} =`.length;
  for (let match = member.exec(source); match; match = member.exec(source)) {
    const body = bodyFrom(source, member.lastIndex);
    members.push({ doc: plain(match[1]), fields: fieldsOf(body) });
    member.lastIndex += body.length + 1;
  }
  return members;
}

/** Up to the brace that closes the one before `begin`. */
function bodyFrom(source: string, begin: number): string {
  let depth = 1;
  let at = begin;
  for (; depth > 0 && at < source.length; at += 1) {
    if (source[at] === '{') depth += 1;
    if (source[at] === '}') depth -= 1;
  }
  return source.slice(begin, at - 1);
}

function fieldsOf(body: string): readonly Field[] {
  const field = new RegExp(String.raw`${DOC}readonly (\w+)(\??):((?:[^;{}]|\{[^}]*\})+)(?:;|$)`, 'g');
  return [...body.matchAll(field)].map(([, doc, name = '', mark, type = '']) => ({
    name,
    optional: mark === '?',
    type: type.replaceAll(/\s+/g, ' ').trim(),
    doc: plain(doc),
  }));
}

/** The words of a doc comment on one line. */
function plain(comment: string | undefined): string {
  return (comment ?? '')
    .replaceAll(/^\s*\*\s?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
