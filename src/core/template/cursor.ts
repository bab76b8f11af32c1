import type { Place, TemplateProblem, Unit } from './places.ts';
import type { Input, SimpleCommand, Spelling } from './shell-model.ts';

/** Command substitutions inside each other beyond this are refused. */
const MAX_DEPTH = 64;

/**
 * A position in the units of a template, and what has been found so far. Everything that reads shell text
 * moves it forward.
 */
export class Cursor {
  at = 0;
  /** Reading stops before this unit: the end of the text, or of a here-document. */
  end: number;
  depth = 0;
  /** Here-documents whose bodies have not begun. */
  pendingDocuments = 0;
  readonly commands: SimpleCommand[] = [];
  readonly inputs: Input[] = [];
  readonly seen: Place[] = [];
  readonly spellings = new Map<number, Spelling>();
  /** Of the text as a whole. */
  readonly problems: TemplateProblem[] = [];
  /** One for each place: the first that was found. */
  readonly refused = new Map<number, TemplateProblem>();
  private readonly units: readonly Unit[];
  private readonly offsets: readonly number[];

  constructor(units: readonly Unit[], offsets: readonly number[]) {
    this.units = units;
    this.offsets = offsets;
    this.end = units.length;
  }

  /** The unit `ahead` of this one; undefined at the end. */
  peek(ahead = 0): Unit | undefined {
    return this.at + ahead < this.end ? this.units[this.at + ahead] : undefined;
  }

  /** Whether the next characters are exactly these. */
  startsWith(text: string): boolean {
    for (let index = 0; index < text.length; index++) {
      if (this.peek(index) !== text[index]) return false;
    }
    return true;
  }

  /** Where the cursor is, in the template's text. */
  get offset(): number {
    const last = this.offsets.at(-1) ?? 0;
    return this.offsets[this.at] ?? last + 1;
  }

  /** Takes the place under the cursor; a raw one is spelled raw wherever it stands. */
  take(place: Place, spelling: Spelling): void {
    this.seen.push(place);
    this.spellings.set(place.index, place.raw && spelling !== 'dropped' ? 'raw' : spelling);
    this.at += 1;
  }

  /** Places taken since `from` (a former `seen.length`), raw ones left out: their author answers for them. */
  valuesSince(from: number): Place[] {
    return this.seen.slice(from).filter((place) => !place.raw);
  }

  refuse(places: readonly Place[], message: string, hint: string): void {
    for (const place of places) {
      if (place.raw || this.refused.has(place.index)) continue;
      this.refused.set(place.index, { message, offset: place.offset, hint });
    }
  }

  problem(message: string, offset: number, hint?: string): void {
    this.problems.push({ message, offset, ...(hint !== undefined && { hint }) });
  }

  /** Runs `read` one level deeper; beyond the limit it reports that and goes to the end. */
  nested(read: () => void): void {
    if (this.depth >= MAX_DEPTH) {
      this.problem(`More than ${MAX_DEPTH} levels of nesting are not read.`, this.offset);
      this.at = this.end;
      return;
    }
    this.depth += 1;
    read();
    this.depth -= 1;
  }
}
