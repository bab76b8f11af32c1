import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * `node screen-flood.ts <file> <lines a second> <plain|coloured|cjk>`: writes a log like a step does, straight
 * into the file, until it is killed.
 */
const [file = '', rate = '100000', kind = 'plain'] = process.argv.slice(2);
const LINES = 4096;
const BURST_MS = 5;

function makeLines(): Buffer[] {
  let state = 7;
  const random = (): number => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const words =
    'compile link resolve fetch layer cache hit miss test passed module kernel image push pull build unit worker queue retry step stage commit branch object digest blob tar gzip mount volume'.split(
      ' ',
    );
  const wide = '构建 完成 テスト 成功 컴파일 오류 🚀 ✅ ⚠️ 👩‍💻 日本語'.split(' ');
  return Array.from({ length: LINES }, (_, index) => {
    let text = '';
    for (let word = 6 + Math.floor(random() * 10); word > 0; word -= 1) {
      const list = kind === 'cjk' && random() < 0.3 ? wide : words;
      text += ` ${list[Math.floor(random() * list.length)]}`;
    }
    const time = `2026-11-20T18:00:${String(index % 60).padStart(2, '0')}.${String(index).padStart(6, '0')}Z`;
    const level = ['info', 'warn', 'note', 'debug'][index % 4];
    return Buffer.from(
      kind === 'coloured'
        ? `\u001b[2m${time}\u001b[22m \u001b[${31 + (index % 6)}m[${level}]\u001b[39m${text} \u001b[1m${index}\u001b[22m\n`
        : `${time} [${level}]${text} ${index}\n`,
    );
  });
}

const lines = makeLines();
const all = Buffer.concat(lines);
const starts = [0];
for (const line of lines) starts.push((starts.at(-1) ?? 0) + line.length);

const fd = openSync(file, 'a');
const began = performance.now();
let sent = 0;
const burst = (): void => {
  const due = Math.floor(((performance.now() - began) / 1000) * Number(rate));
  while (sent < due) {
    const from = sent % LINES;
    const to = Math.min(from + 600, LINES, from + due - sent);
    writeSync(fd, all, starts[from], (starts[to] ?? all.length) - (starts[from] ?? 0));
    sent += to - from;
  }
};
const timer = setInterval(burst, BURST_MS);
process.on('SIGTERM', () => {
  clearInterval(timer);
  closeSync(fd);
});
