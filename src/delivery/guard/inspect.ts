import type { Finding, StagedFile } from '../../core/staged.ts';
import { parseProblem } from './parse.ts';
import { secretsIn } from './secrets.ts';

/** A larger file is warned of. */
const LARGE_BYTES = 10 * 1024 * 1024;
/** Examples of an `.env` file are meant to be committed. */
const EXAMPLE = /\.(example|sample|template|dist|defaults)$/;

/** What is wrong with one file of the next commit. */
export function inspectStaged(file: StagedFile): readonly Finding[] {
  const { path, sizeBytes, text } = file;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const findings: Finding[] = [];
  if (/^\.env(\..+)?$/.test(name) && !EXAMPLE.test(name)) {
    const message =
      'an .env file holds the settings of one machine, often secrets; leave it out of the repository';
    findings.push({ severity: 'block', rule: 'env-file', path, message });
  }
  if (sizeBytes > LARGE_BYTES) {
    const message = `${Math.round(sizeBytes / 1024 / 1024)} MB: every clone will carry it`;
    findings.push({ severity: 'warn', rule: 'large-file', path, message });
  }
  if (!text || text.includes(0)) return findings;
  findings.push(...secretsIn(file, text));
  const problem = parseProblem(name, text.toString('utf8'));
  if (problem) findings.push({ ...problem, rule: 'not-parsable', path });
  return findings;
}
