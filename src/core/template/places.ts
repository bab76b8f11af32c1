/** What is wrong with a template, for the person who wrote it. */
export interface TemplateProblem {
  readonly message: string;
  /** Where, in UTF-16 units from the start of the template's text. */
  readonly offset: number;
  readonly hint?: string;
}

/** One `{{.name}}` or `{{raw .name}}` in a template. */
export interface Place {
  /** Position among the places of its template, from 0. */
  readonly index: number;
  readonly path: string;
  readonly raw: boolean;
  readonly offset: number;
  /** As written. */
  readonly source: string;
}

/** One character of the template, or a place in it. */
export type Unit = string | Place;

export interface SplitTemplate {
  readonly units: readonly Unit[];
  /** Of each unit, in the template's text. */
  readonly offsets: readonly number[];
  readonly places: readonly Place[];
  readonly problems: readonly TemplateProblem[];
}

const PLACE = /^\s*(raw\s+)?\.([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*$/;
const LITERAL_BRACES = /^\s*"\{\{"\s*$/;
const BARE_NAME = /^\s*(raw\s+)?([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*$/;
const ESCAPE_HINT = 'For a literal {{, as in docker --format, write {{"{{"}}: {{"{{"}}.Names}}.';

/** Finds the places of a template; everything else is single characters. */
export function splitPlaces(text: string): SplitTemplate {
  const units: Unit[] = [];
  const offsets: number[] = [];
  const places: Place[] = [];
  const problems: TemplateProblem[] = [];
  const push = (unit: Unit, offset: number) => {
    units.push(unit);
    offsets.push(offset);
  };
  let at = 0;
  while (at < text.length) {
    if (!text.startsWith('{{', at)) {
      push(text.charAt(at), at);
      at += 1;
      continue;
    }
    const end = text.indexOf('}}', at + 2);
    if (end === -1) {
      problems.push({ message: '`{{` is never closed with `}}`.', offset: at, hint: ESCAPE_HINT });
      break;
    }
    const inner = text.slice(at + 2, end);
    const [, raw, path] = PLACE.exec(inner) ?? [];
    if (path !== undefined) {
      const source = text.slice(at, end + 2);
      const place = { index: places.length, path, raw: raw !== undefined, offset: at, source };
      places.push(place);
      push(place, at);
    } else if (LITERAL_BRACES.test(inner)) {
      push('{', at);
      push('{', at);
    } else {
      problems.push({ offset: at, ...placeProblem(inner) });
    }
    at = end + 2;
  }
  return { units, offsets, places, problems };
}

function placeProblem(inner: string): { readonly message: string; readonly hint: string } {
  const shown = inner.length > 40 ? `${inner.slice(0, 40)}…` : inner;
  if (inner.trim() === '') return { message: 'There is no name between `{{` and `}}`.', hint: ESCAPE_HINT };
  const [, raw = '', name] = BARE_NAME.exec(inner) ?? [];
  if (name !== undefined && name !== 'raw') {
    return {
      message: `\`{{${shown}}}\` lacks the dot before the name.`,
      hint: `Write {{${raw}.${name}}}. ${ESCAPE_HINT}`,
    };
  }
  return {
    message: `\`{{${shown}}}\` is not a name: only {{.name}}, {{.a.b.c}} and {{raw .name}} can stand there.`,
    hint: ESCAPE_HINT,
  };
}
