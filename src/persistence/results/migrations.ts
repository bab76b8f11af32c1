/** One change of the tables; never edited once released. */
interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** In order. Names are those of specification 4; columns are those of `show --json`. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE test_runs (
        run_id text PRIMARY KEY,
        project text NOT NULL,
        pipeline text NOT NULL,
        environment text NOT NULL,
        status text NOT NULL,
        trigger text NOT NULL,
        started_by text NOT NULL,
        commits text[] NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        duration_ms bigint,
        exit_code integer,
        failure jsonb,
        last_seq bigint NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`,
      `CREATE TABLE test_steps (
        run_id text NOT NULL REFERENCES test_runs ON DELETE CASCADE,
        stage text NOT NULL,
        step text NOT NULL,
        attempt integer NOT NULL,
        kind text NOT NULL,
        context text NOT NULL,
        status text NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        duration_ms bigint,
        exit_code integer,
        log_bytes bigint,
        failure jsonb,
        PRIMARY KEY (run_id, stage, step, attempt)
      )`,
      `CREATE TABLE test_cases (
        run_id text NOT NULL REFERENCES test_runs ON DELETE CASCADE,
        stage text NOT NULL,
        suite text NOT NULL,
        attempt integer NOT NULL,
        case_id text NOT NULL,
        name text NOT NULL,
        file text,
        status text NOT NULL,
        duration_ms double precision,
        message text,
        PRIMARY KEY (run_id, stage, suite, attempt, case_id)
      )`,
      'CREATE INDEX test_runs_started ON test_runs (started_at DESC)',
    ],
  },
];
