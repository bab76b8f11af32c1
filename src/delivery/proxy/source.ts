import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The proxy as one file of plain JavaScript, to be copied to a host. */
export function proxySource(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const file = fileURLToPath(new URL(isSource ? './proxy.ts' : './proxy.js', import.meta.url));
  const text = readFileSync(file, 'utf8');
  return isSource ? stripTypeScriptTypes(text) : text.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}
