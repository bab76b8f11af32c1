// The engine and the command line suggest names too, so the comparison itself lives in core.
export { closest } from '../core/closest.ts';
