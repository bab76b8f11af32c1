import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../src/core/hosts.ts';

export interface HostUnderTest {
  readonly host: Host;
  /** A folder there that its user may write to, empty; it is on this machine too. */
  readonly there: string;
  readonly close: () => Promise<void>;
}

const forever = new AbortController().signal;

/** What every host promises; run on each. */
export function hostContract(title: string, create: () => Promise<HostUnderTest>): void {
  describe(`${title} keeps the host contract`, () => {
    let made: HostUnderTest;
    let here = '';
    beforeAll(async () => {
      made = await create();
      here = mkdtempSync(path.join(tmpdir(), 'pipewright-host-'));
    });
    afterAll(async () => {
      await made.close();
      rmSync(here, { recursive: true });
    });
    const exec = async (script: string, more: Partial<Parameters<Host['exec']>[0]> = {}) => {
      const done = await made.host.exec({ script, ...more }, forever);
      if (!done.ok) throw new Error(JSON.stringify(done.failure));
      return done.value;
    };
    const there = (file: string): string => path.join(made.there, file);
    const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

    test.each([0, 1, 7, 126, 127, 255])('exit code %i is an outcome', async (code) => {
      expect(await exec(`echo out; echo err >&2; exit ${code}`)).toMatchObject({
        exit_code: code,
        stdout: 'out\n',
        stderr: 'err\n',
      });
    });

    test('a script that is ended by a signal has 128 and its number', async () => {
      expect((await exec('kill -KILL $$')).exit_code).toBe(137);
    });

    test('values arrive as they are, and are in nobody’s arguments', async () => {
      const value = `a 'b' "c" $(d) \`e\` \\n \\0047 %b %s\n-rf \\\nend\ttab 가`;
      const script =
        'printf %s "$VALUE"; cat /proc/[0-9]*/cmdline 2>/dev/null | grep -c "secret-in-argv" >&2';
      const done = await exec(script.replace('secret-in-argv', 'hunter[2]S3cret'), {
        env: { VALUE: value, S: 'hunter2S3cret' },
      });
      expect(done.stdout).toBe(value);
      expect(done.stderr).toBe('0\n');
    });

    test('a script may have many lines, quotes, here-documents and 300 KB', async () => {
      const script = `cat <<'END'\nit's "a" \\n $HOME\nEND\n: '${'x'.repeat(300_000)}'\necho "$0 $#"`;
      expect((await exec(script)).stdout).toBe(`it's "a" \\n $HOME\nsh 0\n`);
    });

    test('a script that does not parse exits with 2', async () => {
      expect((await exec('if true; then')).exit_code).toBe(2);
    });

    test('the input is empty, a text or a stream, to the last byte', async () => {
      expect((await exec('cat; wc -c', { stdin: '' })).stdout.trim()).toBe('0');
      expect((await exec('cat')).stdout).toBe('');
      expect((await exec('cat', { stdin: 'line\nno end' })).stdout).toBe('line\nno end');
      const bytes = randomBytes(5_000_000);
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000);
      }
      expect((await exec('sha256sum', { stdin: pieces() })).stdout.slice(0, 64)).toBe(sha(bytes));
    });

    test('a command that does not read its input ends all the same', async () => {
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) yield Buffer.alloc(65_536);
      }
      expect((await exec('exit 3', { stdin: endless() })).exit_code).toBe(3);
    });

    test('64 MB of output and errors pass without a stall, or are cut where they are collected', async () => {
      let bytes = 0;
      const done = await exec('head -c 64000000 /dev/zero; head -c 5000000 /dev/zero >&2; echo end', {
        onStdout: (chunk) => {
          bytes += chunk.length;
        },
        maxBytes: 1000,
      });
      expect(bytes).toBe(64_000_004);
      expect(done.stdout).toBe('');
      expect(done.stderr).toHaveLength(1000);
    });

    test('the working folder is where it was asked for, and named when it is missing', async () => {
      mkdirSync(there("odd 'name"), { recursive: true });
      expect((await exec('pwd', { workdir: there("odd 'name") })).stdout).toBe(`${there("odd 'name")}\n`);
      const missing = await made.host.exec({ script: 'true', workdir: '/no/such/folder' }, forever);
      expect(missing).toMatchObject({
        ok: false,
        failure: { reason: 'invalid', message: expect.stringContaining('/no/such/folder') },
      });
    });

    test('a NUL byte and a name that is none are refused', async () => {
      for (const bad of [{ script: 'a\0b' }, { script: 'true', env: { 'A-B': 'x' } }]) {
        expect(await made.host.exec(bad, forever)).toMatchObject({
          ok: false,
          failure: { reason: 'invalid' },
        });
      }
    });

    test('an abort ends the script and its children', async () => {
      const controller = new AbortController();
      const mark = there('aborted');
      const running = made.host.exec(
        { script: `sleep 300 & sleep 301 & echo $! >${mark}; wait` },
        controller.signal,
      );
      await expect.poll(() => existsSync(mark) && readFileSync(mark, 'utf8')).toMatch(/\d+\n/);
      const pid = readFileSync(mark, 'utf8').trim();
      controller.abort('somebody');
      expect(await running).toEqual({ ok: false, failure: { reason: 'cancelled', by: 'somebody' } });
      await expect.poll(() => existsSync(`/proc/${pid}/exe`)).toBe(false);
    });

    test('what a script leaves running does not hold up its end', async () => {
      const done = await exec('sleep 20 & echo $!');
      expect(done.exit_code).toBe(0);
      await exec(`kill ${done.stdout.trim()}`);
    });

    test('twenty commands at once all end', async () => {
      const done = await Promise.all(Array.from({ length: 20 }, (_, i) => exec(`echo ${i}; exit ${i % 3}`)));
      expect(done.map(({ stdout }) => stdout.trim())).toEqual(done.map((_, i) => String(i)));
    });

    test('a text is replaced in one step, its folder made, its mode kept private', async () => {
      const file = there("new folder/it's a file");
      expect(await made.host.writeText(file, 'one 가\n')).toEqual({ ok: true, value: undefined });
      expect(await made.host.writeText(file, 'two', 0o640)).toEqual({ ok: true, value: undefined });
      expect(readFileSync(file, 'utf8')).toBe('two');
      expect(statSync(file).mode & 0o777).toBe(0o640);
      expect(await made.host.readText(file, 3)).toEqual({ ok: true, value: 'two' });
    });

    test('a text that is not there is undefined; one that is too large or a folder is named', async () => {
      expect(await made.host.readText(there('none'), 10)).toEqual({ ok: true, value: undefined });
      writeFileSync(there('large'), 'x'.repeat(11), { mode: 0o644 });
      expect(await made.host.readText(there('large'), 10)).toMatchObject({ failure: { reason: 'reported' } });
      mkdirSync(there('folder'), { recursive: true });
      expect(await made.host.readText(there('folder'), 10)).toMatchObject({
        failure: { reason: 'reported' },
      });
      expect(await made.host.writeText(there('folder'), 'x')).toMatchObject({
        failure: { reason: 'reported' },
      });
    });

    test.each([0, 1, 4_194_304, 9_000_001, 64_000_000])('%i bytes go there and come back', async (size) => {
      const bytes = randomBytes(size);
      writeFileSync(path.join(here, 'up'), bytes, { mode: 0o640 });
      const remote = there(`dir/up ${size}`);
      const seen: number[] = [];
      const up = await made.host.upload(
        { local: path.join(here, 'up'), remote, onProgress: ({ done_bytes: done }) => seen.push(done) },
        forever,
      );
      expect(up).toMatchObject({ ok: true, value: { bytes: size, resumed_bytes: 0, sha256: sha(bytes) } });
      expect(seen.at(-1) ?? 0).toBe(size);
      expect(statSync(remote).mode & 0o777).toBe(0o640);
      const down = await made.host.download({ local: path.join(here, 'down'), remote, mode: 0o600 }, forever);
      expect(down).toMatchObject({ ok: true, value: { bytes: size, sha256: sha(bytes) } });
      expect(readFileSync(path.join(here, 'down')).equals(bytes)).toBe(true);
      expect(statSync(path.join(here, 'down')).mode & 0o777).toBe(0o600);
      expect([existsSync(`${remote}.part`), existsSync(path.join(here, 'down.part'))]).toEqual([
        false,
        false,
      ]);
      rmSync(path.join(here, 'down'));
    });

    test('an upload goes on where an earlier one ended, and changed blocks are sent again', async () => {
      const bytes = randomBytes(20_000_000);
      writeFileSync(path.join(here, 'resume'), bytes);
      const part = Buffer.from(bytes.subarray(0, 13_000_000));
      part[5_000_000] = (part[5_000_000] ?? 0) ^ 1;
      await exec(`cat >"$P"`, { env: { P: there('resumed.part') }, stdin: one(part) });
      const up = await made.host.upload(
        { local: path.join(here, 'resume'), remote: there('resumed') },
        forever,
      );
      // Of 3.1 blocks that were there one was damaged and the last not whole.
      expect(up).toMatchObject({ ok: true, value: { resumed_bytes: 2 * 4_194_304, sha256: sha(bytes) } });
      expect(readFileSync(there('resumed')).equals(bytes)).toBe(true);
      const again = await made.host.upload(
        { local: path.join(here, 'resume'), remote: there('resumed') },
        forever,
      );
      expect(again).toMatchObject({ ok: true, value: { resumed_bytes: 20_000_000 } });
      expect(existsSync(there('resumed.part'))).toBe(false);
    });

    test('a download goes on where an earlier one ended', async () => {
      const bytes = randomBytes(20_000_000);
      await exec(`cat >"$P"`, { env: { P: there('source') }, stdin: one(bytes) });
      writeFileSync(path.join(here, 'got.part'), bytes.subarray(0, 9_000_000));
      const down = await made.host.download(
        { local: path.join(here, 'got'), remote: there('source') },
        forever,
      );
      expect(down).toMatchObject({ ok: true, value: { resumed_bytes: 8_388_608 } });
      expect(readFileSync(path.join(here, 'got')).equals(bytes)).toBe(true);
    });

    test('holes are not sent, and a .part that is too long is cut', async () => {
      const file = path.join(here, 'sparse');
      writeFileSync(file, 'beginning');
      truncateSync(file, 100_000_000);
      await exec(`head -c 120000000 /dev/zero >"$P"`, { env: { P: there('sparse.part') } });
      expect(await made.host.upload({ local: file, remote: there('sparse') }, forever)).toMatchObject({
        ok: true,
        value: { bytes: 100_000_000 },
      });
      expect(statSync(there('sparse')).size).toBe(100_000_000);
      rmSync(there('sparse'));
      expect(await made.host.upload({ local: file, remote: there('sparse') }, forever)).toMatchObject({
        ok: true,
      });
      expect(statSync(there('sparse')).blocks * 512).toBeLessThan(10_000_000);
    });

    test('hostile names of files are names', async () => {
      writeFileSync(path.join(here, 'small'), 'x');
      for (const name of ["-rf it's", 'a\nb', '$(touch pwned)`x`', '"; exit 9 #', '가 \\ %s']) {
        const remote = there(name);
        expect(await made.host.upload({ local: path.join(here, 'small'), remote }, forever)).toMatchObject({
          ok: true,
        });
        expect(readFileSync(remote, 'utf8')).toBe('x');
        expect(await made.host.readText(remote, 10)).toEqual({ ok: true, value: 'x' });
      }
      expect(existsSync(there('pwned'))).toBe(false);
    });

    test('what cannot be copied is said, and nothing is left under the final name', async () => {
      writeFileSync(path.join(here, 'small'), 'x');
      mkdirSync(there('a folder'), { recursive: true });
      writeFileSync(there('a file'), 'x');
      const cases: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
        [
          () => made.host.upload({ local: path.join(here, 'none'), remote: there('n') }, forever),
          /no such file/,
        ],
        [() => made.host.upload({ local: here, remote: there('n') }, forever), /not a file/],
        [
          () => made.host.upload({ local: path.join(here, 'small'), remote: there('a folder') }, forever),
          /is a folder/,
        ],
        [
          () => made.host.upload({ local: path.join(here, 'small'), remote: there('a file/x') }, forever),
          /a file/,
        ],
        [
          () => made.host.download({ local: path.join(here, 'd'), remote: there('none') }, forever),
          /no such file/,
        ],
      ];
      for (const [work, message] of cases) {
        expect(await work()).toMatchObject({
          ok: false,
          failure: { reason: 'reported', message: expect.stringMatching(message) },
        });
      }
      expect([existsSync(there('n')), existsSync(path.join(here, 'd'))]).toEqual([false, false]);
    });

    test('an aborted copy says so and can go on', async () => {
      writeFileSync(path.join(here, 'big'), randomBytes(64_000_000));
      const controller = new AbortController();
      const copy = { local: path.join(here, 'big'), remote: there('big') };
      const aborted = await made.host.upload(
        { ...copy, onProgress: ({ done_bytes: done }) => done > 20_000_000 && controller.abort('me') },
        controller.signal,
      );
      expect(aborted).toEqual({ ok: false, failure: { reason: 'cancelled', by: 'me' } });
      expect(existsSync(there('big'))).toBe(false);
      const done = await made.host.upload(copy, forever);
      expect(done.ok && done.value.resumed_bytes).toBeGreaterThan(10_000_000);
    });

    test('it connects to ports and sockets there, and says when nobody listens', async () => {
      const server = net.createServer((socket) => socket.pipe(socket));
      const socketFile = there('echo.sock');
      for (const listen of ['port', 'socket'] as const) {
        await new Promise<void>((resolve) => {
          if (listen === 'port') server.listen(0, '127.0.0.1', resolve);
          else server.listen({ path: socketFile, writableAll: true }, resolve);
        });
        const address = server.address();
        const port = typeof address === 'object' && address ? address.port : 0;
        const to = listen === 'port' ? { host: '127.0.0.1', port } : { socket: socketFile };
        const connected = await made.host.connect(to);
        if (!connected.ok) throw new Error(JSON.stringify(connected.failure));
        connected.value.end('hello');
        expect(await textOf(connected.value)).toBe('hello');
        await new Promise((resolve) => server.close(resolve));
        expect(await made.host.connect(to)).toMatchObject({ failure: { reason: 'executor-unreachable' } });
      }
    });

    test('programs there reach us through a port of theirs', async () => {
      const listening = await made.host.listen((connection) => {
        connection.on('data', (chunk: Buffer) => connection.write(chunk.toString().toUpperCase()));
        connection.on('end', () => connection.end());
      });
      if (!listening.ok) throw new Error(JSON.stringify(listening.failure));
      const socket = net.connect(listening.value.port, '127.0.0.1');
      socket.end('hello');
      expect(await textOf(socket)).toBe('HELLO');
      await listening.value.close();
    });
  });
}

async function* one(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    stream.on('end', () => resolve(text));
    stream.on('error', reject);
  });
}
