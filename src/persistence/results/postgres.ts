import { Client } from 'pg';
import { errorCode } from '../../core/error-code.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { MIGRATIONS } from './migrations.ts';
import type { Row, RunRows } from './rows.ts';

/** Longest that the database may take to let us in, and for one statement, milliseconds. */
const CONNECT_MS = 3000;
const STATEMENT_MS = 10_000;
/** One writer at a time changes tables: the number is ours, by chance. */
const MIGRATION_LOCK = 7_305_112_041;
/** Rows of one statement; PostgreSQL takes 65 535 values. */
const ROWS = 500;

/** Tables of results, opened for a few statements. */
export interface ResultsDatabase {
  /** Host and database, for messages. */
  readonly place: string;
  readonly version: string;
  /** Makes the tables, or brings them up to date. */
  readonly prepare: () => Promise<Result<void>>;
  /**
   * All of it or nothing. The same rows again leave what is there; older ones do not go over newer ones.
   * Fails with `reported` when the database does not take these rows, whoever else's it takes.
   */
  readonly write: (rows: RunRows) => Promise<Result<void>>;
  readonly close: () => Promise<void>;
}

interface Session {
  readonly client: Client;
  readonly schema: string;
  readonly place: string;
}

/** Logs in. Fails with `invalid`, `executor-unreachable` or `authentication`; the address itself is in no message. */
export async function openResults(url: string, schema: string): Promise<Result<ResultsDatabase>> {
  const client = clientFor(url);
  if (!client) {
    const message = 'results.url is no address that begins with postgres:// or postgresql://';
    return failed({ reason: 'invalid', message });
  }
  // A connection that breaks while nothing is asked: the next question fails.
  client.on('error', () => undefined);
  const place = `PostgreSQL at ${client.host}:${client.port}, database ${client.database ?? ''}`;
  const session = { client, schema, place };
  let version = '';
  try {
    await client.connect();
    const answer = await client.query<{ server_version: string }>('SHOW server_version');
    version = answer.rows[0]?.server_version ?? '';
  } catch (error) {
    await client.end().catch(() => undefined);
    return failed(failureOf(place, error));
  }
  return ok({
    place,
    version,
    prepare: () => translating(session, () => migrate(session)),
    write: (rows) => translating(session, () => inTransaction(session, () => upsertAll(client, rows))),
    close: () => client.end().catch(() => undefined),
  });
}

/** Undefined when the address is none. */
function clientFor(url: string): Client | undefined {
  if (!/^postgres(?:ql)?:\/\//.test(url)) return undefined;
  try {
    return new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
      application_name: 'pipewright',
    });
  } catch {
    // What is thrown quotes the address, and that holds the password.
    return undefined;
  }
}

async function translating(session: Session, work: () => Promise<void>): Promise<Result<void>> {
  try {
    await work();
    return ok(undefined);
  } catch (error) {
    return failed(failureOf(session.place, error));
  }
}

/** Classes of SQLSTATE that say something of the server, not of what it was told: connection, resources, operator. */
const OF_THE_SERVER = /^(?:08|53|55|57|58)/;
/** Wrong login, no such database, not allowed. */
const OF_THE_LOGIN = /^(?:28|3D|42501)/;

function failureOf(place: string, error: unknown): Failure {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const detail = message || (code ?? 'it does not answer');
  const executor = place;
  if (code !== undefined && OF_THE_LOGIN.test(code)) return { reason: 'authentication', executor, detail };
  const isRefusal = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && 'severity' in Object(error);
  if (isRefusal && !OF_THE_SERVER.test(code)) {
    return { reason: 'reported', message: `${place}: ${detail}`, retryable: false };
  }
  return { reason: 'executor-unreachable', executor, detail };
}

/** Each once, in one transaction, whoever else comes at the same time. A login that may only write needs no more rights. */
async function migrate(session: Session): Promise<void> {
  const { client, schema } = session;
  let done = new Set<number>();
  const look = async (): Promise<boolean> => {
    // Not to_regclass(): it may answer by what this session knew before it waited for the lock.
    const there = await client.query(
      `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = 'migrations'`,
      [schema],
    );
    if (there.rowCount === 0) return false;
    const { rows } = await client.query<{ version: number }>('SELECT version FROM migrations');
    done = new Set(rows.map(({ version }) => version));
    return MIGRATIONS.every(({ version }) => done.has(version));
  };
  await inTransaction(session, async () => {
    if (await look()) return;
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    if (await look()) return;
    const named = client.escapeIdentifier(schema);
    const known = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    if (known.rowCount === 0) await client.query(`CREATE SCHEMA ${named}`);
    if (done.size === 0) {
      await client.query(
        'CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())',
      );
    }
    for (const { version, statements } of MIGRATIONS) {
      if (done.has(version)) continue;
      for (const statement of statements) await client.query(statement);
      await client.query('INSERT INTO migrations (version) VALUES ($1)', [version]);
    }
  });
}

async function upsertAll(client: Client, { run, steps, cases }: RunRows): Promise<void> {
  const taken = await upsert(client, { table: 'test_runs', keys: ['run_id'], newer: 'last_seq' }, [run]);
  // Somebody else wrote more of it already.
  if (taken === 0) return;
  await upsert(client, { table: 'test_steps', keys: ['run_id', 'stage', 'step', 'attempt'] }, steps);
  const keys = ['run_id', 'stage', 'suite', 'attempt', 'case_id'];
  await upsert(client, { table: 'test_cases', keys }, cases);
}

interface Target {
  readonly table: string;
  readonly keys: readonly string[];
  /** Rows where this is lower than what is there are left out. */
  readonly newer?: string;
}

async function upsert(client: Client, { table, keys, newer }: Target, rows: readonly Row[]): Promise<number> {
  let count = 0;
  for (let at = 0; at < rows.length; at += ROWS) {
    const part = rows.slice(at, at + ROWS);
    const columns = Object.keys(part[0] ?? {});
    const places = part.map(
      (_, row) => `(${columns.map((_column, column) => `$${row * columns.length + column + 1}`).join(', ')})`,
    );
    const changes = columns
      .filter((column) => !keys.includes(column))
      .map((column) => `${column} = excluded.${column}`);
    const condition =
      newer === undefined ? '' : `, updated_at = now() WHERE ${table}.${newer} <= excluded.${newer}`;
    const done = await client.query(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${places.join(', ')}
       ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${changes.join(', ')}${condition}`,
      part.flatMap((row) => columns.map((column) => row[column])),
    );
    count += done.rowCount ?? 0;
  }
  return count;
}

/** Settings are those of the transaction: a pool between us and the server may give the next one to another session. */
async function inTransaction({ client, schema }: Session, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL search_path TO ${client.escapeIdentifier(schema)}`);
    await client.query(`SET LOCAL statement_timeout TO ${STATEMENT_MS}`);
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
