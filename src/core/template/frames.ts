import type { Cursor } from './cursor.ts';
import type { PendingDocument } from './here-document.ts';
import type { SimpleCommand } from './shell-model.ts';

/** What the next word of a frame is. */
export type Mode =
  /** The first word of a command, or a reserved word. */
  | 'start'
  /** An argument. */
  | 'words'
  /** Of a `for` variable or a function. */
  | 'name'
  | 'for-in'
  | 'for-list'
  | 'case-subject'
  | 'case-in'
  | 'case-pattern'
  /** Nothing but redirections and separators, after `fi`, `done`, `esac`, `}` or `)`. */
  | 'after';

/** An open compound command. */
export interface Frame {
  readonly kind: 'list' | 'parentheses' | 'braces' | 'block' | 'case';
  mode: Mode;
  /** The mode after a `name`. */
  next?: Mode;
  command?: SimpleCommand | undefined;
  /** The commands that a redirection here belongs to. */
  owner?: { readonly first: number; readonly end: number } | undefined;
  /** First command and first place of the element of the pipeline that is being read. */
  elementCommand: number;
  pipelinePlace: number;
  elementPlace: number;
  piped: boolean;
}

/** Compound commands inside each other, and the here-documents that the line has begun. */
export interface List {
  readonly frames: Frame[];
  readonly documents: PendingDocument[];
}

/** Of what begins at the cursor. */
export function newFrame(cursor: Cursor, kind: Frame['kind'], mode: Mode = 'start'): Frame {
  return {
    kind,
    mode,
    elementCommand: cursor.commands.length,
    pipelinePlace: cursor.seen.length,
    elementPlace: cursor.seen.length,
    piped: false,
  };
}

/** Ends the command that is being read, at a separator, a pipe or the end of its compound command. */
export function separate(cursor: Cursor, list: List, by: 'end' | 'newline' | 'pipe'): void {
  const frame = list.frames.at(-1);
  if (!frame) return;
  const isOpen = frame.mode === 'start' && !frame.command && frame.elementCommand === cursor.commands.length;
  // A newline after `|` or `&&` only continues the line; `case x` and `for x` may end their line too.
  if (by === 'newline' && (isOpen || KEEPS_OVER_NEWLINE.has(frame.mode))) return;
  if (frame.piped) {
    cursor.inputs.push({
      places: cursor.seen.slice(frame.pipelinePlace, frame.elementPlace).filter((place) => !place.raw),
      first: frame.elementCommand,
      end: cursor.commands.length,
    });
  }
  frame.command = undefined;
  frame.owner = undefined;
  frame.piped = by === 'pipe';
  frame.elementCommand = cursor.commands.length;
  frame.elementPlace = cursor.seen.length;
  if (by !== 'pipe') frame.pipelinePlace = cursor.seen.length;
  frame.mode = 'start';
}

const KEEPS_OVER_NEWLINE = new Set<Mode>(['case-subject', 'case-in', 'case-pattern', 'for-in', 'name']);

/** Ends the innermost compound command; the one around it goes on behind it. */
export function closeFrame(cursor: Cursor, list: List): void {
  separate(cursor, list, 'end');
  const closed = list.frames.length > 1 ? list.frames.pop() : undefined;
  const outer = list.frames.at(-1);
  if (!closed || !outer) return;
  outer.mode = 'after';
  outer.command = undefined;
  outer.owner = { first: outer.elementCommand, end: cursor.commands.length };
}

/** Acts on a reserved word in the place of a command's first word; false when it is none. */
export function applyReservedWord(cursor: Cursor, list: List, word: string): boolean {
  switch (word) {
    case 'if':
    case 'while':
    case 'until':
      return open(cursor, list, 'block', 'start');
    case 'for':
    case 'select': {
      open(cursor, list, 'block', 'name');
      const frame = list.frames.at(-1);
      if (frame) frame.next = 'for-in';
      return true;
    }
    case 'case':
      return open(cursor, list, 'case', 'case-subject');
    case '{':
      return open(cursor, list, 'braces', 'start');
    case 'then':
    case 'else':
    case 'elif':
    case 'do':
      separate(cursor, list, 'end');
      return true;
    case '!':
      return true;
    case 'fi':
    case 'done':
      return close(cursor, list, 'block');
    case 'esac':
      return close(cursor, list, 'case');
    case '}':
      return close(cursor, list, 'braces');
    case 'function':
      list.frames.splice(-1, 1, {
        ...(list.frames.at(-1) ?? newFrame(cursor, 'list')),
        mode: 'name',
        next: 'start',
      });
      return true;
    default:
      return false;
  }
}

function open(cursor: Cursor, list: List, kind: Frame['kind'], mode: Mode): true {
  list.frames.push(newFrame(cursor, kind, mode));
  return true;
}

function close(cursor: Cursor, list: List, kind: Frame['kind']): boolean {
  if (list.frames.at(-1)?.kind !== kind) return false;
  closeFrame(cursor, list);
  return true;
}
