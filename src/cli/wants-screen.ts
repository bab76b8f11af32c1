import type { Common } from './command.ts';
import type { Services } from './services.ts';

/**
 * Whether this terminal gets the screen: somebody sits there, the terminal can be drawn on, and no other output was
 * asked for. A screen reader and CI get plain lines: the same facts, in order.
 */
export function wantsScreen({ terminal, env }: Pick<Services, 'terminal' | 'env'>, common: Common): boolean {
  if (common.output !== 'tui' || common.json || !terminal.isInteractive) return false;
  const isCi = !['', '0', 'false'].includes(env['CI'] ?? '');
  const isRead = env['INK_SCREEN_READER'] === 'true';
  return !isCi && !isRead && (env['TERM'] ?? 'dumb') !== 'dumb';
}
