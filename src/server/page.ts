/** A file of the page at `/`. */
interface PageFile {
  readonly type: string;
  readonly text: string;
  readonly policy?: string;
}

/** Only what this server itself sends, and no script that stands in a document. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pipewright</title>
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
</head>
<body>
<header><h1>Pipewright</h1><p id="state" role="status">loading</p></header>
<main>
<table><caption>Runs, newest first</caption>
<thead><tr><th scope="col">Run</th><th scope="col">Status</th><th scope="col">Pipeline</th><th scope="col">Environment</th><th scope="col">Started</th><th scope="col">Seconds</th></tr></thead>
<tbody id="runs"></tbody></table>
<section id="run" hidden><h2 id="title"></h2><ol id="stages"></ol><pre id="log" tabindex="0" hidden></pre></section>
</main>
<noscript>This page needs JavaScript; the same is at /runs as JSON.</noscript>
</body>
</html>
`;

const CSS = `:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; }
header { align-items: baseline; display: flex; gap: 1rem; }
h1 { font-size: 1.3rem; margin: 0; }
table { border-collapse: collapse; width: 100%; }
caption { position: absolute; left: -100vw; }
td, th { border-bottom: 1px solid #8884; padding: .3rem .6rem .3rem 0; text-align: left; }
button { background: none; border: 0; color: inherit; cursor: pointer; font: inherit; padding: 0; text-decoration: underline; }
[data-status] { font-weight: 600; }
[data-status="success"], [data-status="passed"] { color: #18794e; }
[data-status="failed"], [data-status="rolled_back"] { color: #cd2b31; }
[data-status="running"] { color: #0b68cb; }
[data-status="waiting"], [data-status="warning"], [data-status="interrupted"] { color: #ad5700; }
pre { border: 1px solid #8884; max-height: 60vh; overflow: auto; padding: .6rem; white-space: pre-wrap; }
`;

/** Names come from anybody: they are only ever set as text. */
const JS = `'use strict';
const at = (id) => document.getElementById(id);
const cell = (row, text, status) => {
  const made = row.insertCell();
  made.textContent = text ?? '';
  if (status) made.dataset.status = status;
  return made;
};
const button = (parent, text, act) => {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.addEventListener('click', act);
  parent.replaceChildren(made);
};
const path = (...parts) => parts.map(encodeURIComponent).join('/');
const ask = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
};
let source;
let shown;
async function list() {
  try {
    const { pipelines, locked } = await (await ask('runs?limit=50')).json();
    at('state').textContent = locked.length > 0 ? 'locked: ' + locked.map((lock) => lock.pipeline + ' (' + lock.environment + ')').join(', ') : '';
    const rows = pipelines.map((run) => {
      const row = document.createElement('tr');
      button(cell(row), run.pipeline_id, () => open(run.pipeline_id));
      cell(row, run.status, run.status);
      cell(row, run.pipeline);
      cell(row, run.environment);
      cell(row, new Date(run.started_at).toLocaleString());
      cell(row, run.duration_ms === undefined ? '' : (run.duration_ms / 1000).toFixed(1));
      return row;
    });
    at('runs').replaceChildren(...rows);
  } catch (error) {
    at('state').textContent = 'no answer: ' + error.message;
  }
}
function open(id) {
  shown = id;
  source?.close();
  at('log').hidden = true;
  at('run').hidden = false;
  show();
  source = new EventSource(path('runs', id, 'events'));
  for (const type of ['run.created', 'stage.started', 'stage.finished', 'confirmation.requested', 'confirmation.answered', 'run.finished'])
    source.addEventListener(type, later);
  source.addEventListener('end', () => { source.close(); show(); list(); });
}
let timer;
function later() {
  timer ??= setTimeout(() => { timer = undefined; show(); }, 250);
}
async function show() {
  const id = shown;
  const run = await (await ask(path('runs', id))).json();
  if (id !== shown) return;
  at('title').textContent = run.pipeline_id + ' ' + run.pipeline + ': ' + run.status;
  at('stages').replaceChildren(...run.stages.map((stage) => {
    const item = document.createElement('li');
    const name = document.createElement('span');
    button(name, stage.name, () => log(id, stage.name));
    const status = document.createElement('span');
    status.textContent = ' ' + stage.status + (stage.confirmation && !stage.confirmation.answer ? ': ' + stage.confirmation.message : '');
    status.dataset.status = stage.status;
    item.append(name, status);
    return item;
  }));
}
async function log(id, stage) {
  const text = await (await ask(path('runs', id, 'logs', stage) + '?lines=500')).text();
  at('log').hidden = false;
  at('log').textContent = text === '' ? '(nothing printed)' : text;
}
list();
setInterval(list, 5000);
`;

/** By the name in the address. */
export const PAGE: Readonly<Record<string, PageFile>> = {
  '': { type: 'text/html', text: HTML, policy: POLICY },
  'page.css': { type: 'text/css', text: CSS },
  'page.js': { type: 'text/javascript', text: JS },
};
