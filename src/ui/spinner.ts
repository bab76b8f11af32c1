const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** One of the ten positions of a spinner. */
export function spinnerAt(frame: number): string {
  return SPINNER[frame % SPINNER.length] ?? '';
}
