#!/usr/bin/env node
// Finds a Node that can run Pipewright and starts it. Written for old Nodes too (12 and later):
// whoever has the wrong one should read a sentence, not a syntax error.
import fs from 'fs';
import nodeModule from 'module';
import path from 'path';
import { fileURLToPath } from 'url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const manifest = path.join(root, 'package.json');
const program = path.join(root, 'dist', 'start.cjs');
const load = nodeModule.createRequire(import.meta.url);
const WANTED = [22, 18];

if (process.argv[2] === '--version' || process.argv[2] === '-V') {
  // Nothing else is loaded: scripts ask for it often.
  process.stdout.write(JSON.parse(fs.readFileSync(manifest, 'utf8')).version + '\n');
} else if (isNewEnough(process.versions.node)) {
  start();
} else {
  restart();
}

function isNewEnough(version) {
  const parts = version.split('.').map(Number);
  return parts[0] > WANTED[0] || (parts[0] === WANTED[0] && parts[1] >= WANTED[1]);
}

function start() {
  if (!fs.existsSync(program)) {
    refuse('pipewright: dist/ is missing: run `npm run build` in ' + root);
    return;
  }
  delete process.env.PIPEWRIGHT_RESTARTED; // steps may call us too
  try {
    load(program);
  } catch (error) {
    process.stderr.write('pipewright: ' + ((error && error.stack) || error) + '\n');
    process.exitCode = 1;
  }
}

/** The same command on the Node that package-lock.json pins. */
function restart() {
  const node = pinnedNode();
  if (!node || process.env.PIPEWRIGHT_RESTARTED) {
    refuse(
      'pipewright: needs Node ' +
        WANTED.join('.') +
        ' or newer, this is ' +
        process.versions.node +
        '; run `npm ci` in ' +
        root +
        ' with install scripts allowed for the package `node` (it brings Node 24), or install a newer Node.',
    );
    return;
  }
  const child = load('child_process').spawn(
    node,
    [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)),
    {
      stdio: 'inherit',
      env: Object.assign({}, process.env, { PIPEWRIGHT_RESTARTED: '1' }),
    },
  );
  // A terminal signals both of us, `kill` only this process: src/cli/signals.ts takes two at once as one.
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on('error', function (error) {
    refuse('pipewright: cannot start ' + node + ': ' + error.message);
  });
  child.on('exit', function (code, signal) {
    if (!signal) {
      process.exitCode = code;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** Beside this package, or hoisted next to it by npm. */
function pinnedNode() {
  for (let folder = root; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', 'node', 'bin', 'node');
    if (fs.existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}

function refuse(message) {
  process.stderr.write(message + '\n');
  process.exitCode = 2;
}
