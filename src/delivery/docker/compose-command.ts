import { shellQuote } from '../../core/shell-quote.ts';
import type { Result } from '../../core/failure.ts';
import { runThere } from './host-files.ts';
import { environmentName } from './names.ts';
import type { Place } from './parts.ts';

/** A compose file as it goes to a host, and what lies over it for one service. */
export interface ComposeFiles {
  /** On the host. */
  readonly folder: string;
  readonly text: string;
  readonly override: string;
  /** Of the file that lies over: the service's. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Only looks: the files go away again, and `compose.yml` stays as it is. */
  readonly isCheck?: boolean;
}

/** Both commands; the plugin goes before the old program. Arguments are those of the script. */
const SCRIPT = `
if docker compose version >/dev/null 2>&1; then pw_compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null 2>&1; then pw_compose() { docker-compose "$@"; }
else echo "there is neither docker compose nor docker-compose" >&2; exit 127
fi
cd "$PIPEWRIGHT_C_DIR" || exit 1
pw_at=\${PIPEWRIGHT_C_AT:-$(pwd)}
eval "set -- $PIPEWRIGHT_C_ARGS"
pw_compose -p "$PIPEWRIGHT_C_PROJECT" --project-directory "$pw_at" -f "$PIPEWRIGHT_C_FILE" -f "$PIPEWRIGHT_C_OVER" "$@"
pw_code=$?
[ "$PIPEWRIGHT_C_CHECK" = yes ] && rm -f "$PIPEWRIGHT_C_FILE" "$PIPEWRIGHT_C_OVER"
exit $pw_code
`;

/** Names that the command itself needs; a service may have them, its compose file cannot read them. */
const OWN_NAME = /^(PATH|HOME|PWD|SHELL|USER|DOCKER_.*|COMPOSE_.*|PIPEWRIGHT_C_.*|LD_.*)$/;

/** Writes the files and runs compose; its standard output. */
export async function compose(
  place: Place,
  files: ComposeFiles,
  args: readonly string[],
): Promise<Result<string>> {
  const { target, engine } = place;
  const file = files.isCheck ? `compose.${files.name}.yml` : 'compose.yml';
  const over = `compose.${files.name}.over.yml`;
  for (const [name, text] of [
    [file, files.text],
    [over, files.override],
  ] as const) {
    const written = await target.host.writeText(`${files.folder}/${name}`, text, 0o600);
    if (!written.ok) return written;
  }
  const values = Object.entries(files.env);
  return runThere(place, SCRIPT, {
    ...Object.fromEntries(values.filter(([name]) => !OWN_NAME.test(name))),
    ...Object.fromEntries(values.map(([name, value]) => [`PIPEWRIGHT_V_${name}`, value])),
    PIPEWRIGHT_C_DIR: files.folder,
    // Here relative paths of the file mean what they mean in the project.
    PIPEWRIGHT_C_AT: target.host.isLocal ? target.projectFolder : '',
    PIPEWRIGHT_C_PROJECT: environmentName(target),
    PIPEWRIGHT_C_FILE: file,
    PIPEWRIGHT_C_OVER: over,
    PIPEWRIGHT_C_ARGS: args.map(shellQuote).join(' '),
    PIPEWRIGHT_C_CHECK: files.isCheck ? 'yes' : 'no',
    DOCKER_HOST: engine.endpoint,
  });
}
