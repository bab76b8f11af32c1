/** What the mouse did, in cells from 0. */
export interface MouseEvent {
  readonly type: 'press' | 'wheel';
  readonly x: number;
  readonly y: number;
  /** Of a wheel: -1 up, 1 down. */
  readonly by: number;
}

/** Presses and the wheel, told with coordinates of any size; no motion, so that idle hands cost nothing. */
export const MOUSE_ON = '\x1b[?1000h\x1b[?1006h';
export const MOUSE_OFF = '\x1b[?1006l\x1b[?1000l';

// eslint-disable-next-line no-control-regex -- SGR reports of the mouse
const REPORT = /\x1b\[<(\d+);(\d+);(\d+)([Mm])/g;
// eslint-disable-next-line no-control-regex -- the beginning of one at the end of a read
const BEGUN = /\x1b\[<[\d;]*$/;
/** Bits beside the button: shift, meta, control. */
const MODIFIERS = 4 | 8 | 16;
const LEFT = 0;
const WHEEL_UP = 64;
const WHEEL_DOWN = 65;

/**
 * The stream with another `read`: reports of the mouse are told and taken out, so that they are never keys.
 * Everything else is the real one's.
 * Source: invisible-island.net/xterm/ctlseqs, "Mouse Tracking", SGR (1006).
 */
export function tapMouse(stdin: NodeJS.ReadStream, tell: (event: MouseEvent) => void): NodeJS.ReadStream {
  let begun = '';
  const read = (): unknown => {
    for (;;) {
      const chunk: unknown = stdin.read();
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return chunk;
      const text = begun + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      begun = BEGUN.exec(text)?.[0] ?? '';
      const whole = text.slice(0, text.length - begun.length);
      for (const [, code, x, y, end] of whole.matchAll(REPORT)) {
        const event = eventOf(Number(code) & ~MODIFIERS, Number(x) - 1, Number(y) - 1);
        if (event && end === 'M') tell(event);
      }
      const keys = whole.replaceAll(REPORT, '');
      if (keys !== '') return keys;
    }
  };
  return new Proxy(stdin, {
    get: (target, key): unknown => {
      if (key === 'read') return read;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function eventOf(button: number, x: number, y: number): MouseEvent | undefined {
  switch (button) {
    case LEFT:
      return { type: 'press', x, y, by: 0 };
    case WHEEL_UP:
      return { type: 'wheel', x, y, by: -1 };
    case WHEEL_DOWN:
      return { type: 'wheel', x, y, by: 1 };
    default:
      return undefined;
  }
}
