import type { CommandTemplate } from '../core/definition.ts';
import { compileCommand, compileValue } from '../core/template/compile.ts';
import type { ChecksumAlgorithm, StreamStep } from './stream-step.ts';

/**
 * Some commands say what we can do better ourselves: `pv` becomes our progress and need not be
 * installed, `sha256sum` our checksum (twice as fast), and a last `> file` a file that gets its name only
 * when it is whole. Only where the meaning is certain; everything else stays the command it is.
 */
export function recognise(step: StreamStep): StreamStep {
  if (!step.command || step.uses) return step;
  const own = progressOf(step) ?? checksumOf(step) ?? redirected(step);
  return own ?? step;
}

const PLACE = String.raw`\{\{\s*\.[A-Za-z_][\w.-]*\s*\}\}`;

/** Options of pv that only change what it draws, with and without an argument; `-s` is its size. */
const PV_FLAGS = /^-[pterbanqfIcv]+$/;
const PV_LONG = /^--(?:progress|timer|eta|fineta|rate|bytes|average-rate|numeric|quiet|force|cursor)$/;
const PV_TAKES = /^(?:-[iwHNFDW]|--(?:interval|width|height|name|format|delay-start))$/;

function progressOf({ command, ...step }: StreamStep): StreamStep | undefined {
  const words = plainWords(command?.text ?? '');
  const options = words?.[0] === 'pv' ? pvOptions(words.slice(1)) : undefined;
  if (!options) return undefined;
  const compiled = options.size === undefined ? undefined : compileValue(options.size);
  if (compiled && !compiled.ok) return undefined;
  // What pv prints goes to its standard error: there is nothing else to send anywhere.
  const output = step.output?.to === 'stream' ? step.output : ({ to: 'stderr' } as const);
  return { ...step, uses: 'progress', output, ...(compiled && { size: compiled.value }) };
}

/** Undefined when one of them changes what passes through it. */
function pvOptions(words: readonly string[]): { readonly size: string | undefined } | undefined {
  let size: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [, inWord] = /^(?:-[pterbanqf]*s|--size=)(.*)$/.exec(word) ?? [];
    if (inWord !== undefined || word === '--size') size = inWord ? inWord : words[++at];
    else if (PV_TAKES.test(word)) at += 1;
    else if (!PV_FLAGS.test(word) && !PV_LONG.test(word)) return undefined;
  }
  return { size };
}

const SUM_PROGRAMS: Readonly<Record<string, ChecksumAlgorithm>> = {
  sha256sum: 'sha256',
  sha512sum: 'sha512',
  sha384sum: 'sha384',
  sha224sum: 'sha224',
  sha1sum: 'sha1',
  md5sum: 'md5',
  b2sum: 'blake2b',
};

function checksumOf({ command, ...step }: StreamStep): StreamStep | undefined {
  const text = (command?.text ?? '').trim().replace(/ -$/, '');
  const algorithm = Object.hasOwn(SUM_PROGRAMS, text) ? SUM_PROGRAMS[text] : undefined;
  // With `output: stream` its text would be the stream.
  if (!algorithm || step.output?.to === 'stream') return undefined;
  return { ...step, uses: 'checksum', algorithm };
}

const QUOTED = String.raw`'[^']*'|"(?:[^"$\`\\{]|${PLACE})*"`;
/** One simple command and a redirection of its output at the end: no other shell syntax at all. */
const REDIRECTED = new RegExp(
  String.raw`^((?:[^|&;<>()$\`\\"'\n#!{}]|${QUOTED}|${PLACE})+\s)>\s*("?)((?:[\w./+,@%=:-]|${PLACE})+)\2\s*$`,
);

function redirected(step: StreamStep): StreamStep | undefined {
  if (step.output && step.output.to !== 'log') return undefined;
  const [, before = '', , target] = REDIRECTED.exec(step.command?.text ?? '') ?? [];
  if (target === undefined) return undefined;
  const command = compileCommand(before.trim());
  const path = compileValue(target);
  if (!command.ok || !path.ok) return undefined;
  return { ...step, command: command.value, output: { to: 'file', path: path.value } };
}

/** `cat` alone: it copies what it reads. */
export function isCopy(command: CommandTemplate | undefined): boolean {
  return command !== undefined && /^\s*cat(?:\s+-)?\s*$/.test(command.text);
}

/** The words of a command without any shell syntax; undefined when there is some. */
function plainWords(text: string): readonly string[] | undefined {
  const words = text.trim().match(new RegExp(String.raw`(?:[\w./+,@%=:-]|${PLACE}|"${PLACE}")+|\S+`, 'g'));
  const plain = new RegExp(String.raw`^(?:[\w./+,@%=:-]|${PLACE}|"${PLACE}")+$`);
  if (!words?.every((word) => plain.test(word))) return undefined;
  return words.map((word) => word.replaceAll('"', ''));
}
