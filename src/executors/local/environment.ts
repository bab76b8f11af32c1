/**
 * The environment that commands inherit: ours, without what only concerns this process and without
 * what `npm start` and `npx` add, so that a step behaves the same however Pipewright was started
 * (npm puts its own `node` in front of the user's in PATH).
 */
export function inheritedEnvironment(
  source: Readonly<Record<string, string | undefined>>,
  hidden: readonly string[] = [],
): Record<string, string> {
  const isUnderNpm = source['npm_lifecycle_event'] !== undefined || source['npm_execpath'] !== undefined;
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined || hidden.includes(name) || OURS.test(name)) continue;
    if (isUnderNpm && NPM.test(name)) continue;
    environment[name] = isUnderNpm && name === 'PATH' ? withoutNpmFolders(value) : value;
  }
  return environment;
}

/** Pipewright's own, and the channel of a Node parent that no command could use. */
const OURS = /^(PIPEWRIGHT_|NODE_CHANNEL_|NODE_UNIQUE_ID$)/;
/** The user's own settings (registry, cache, userconfig) stay: npm passes those through unchanged. */
const NPM =
  /^(npm_(?!config_)|npm_config_(prefix|local_prefix|global_prefix|node_gyp|npm_version|user_agent|init_module|globalconfig|noproxy)$|INIT_CWD$|NODE$)/;

const NPM_FOLDER = /\/node_modules\/\.bin$|\/node-gyp-bin$|\/node_modules\/node\/bin$/;

function withoutNpmFolders(path: string): string {
  const folders = path.split(':');
  // Only those in front: further back they are the user's own.
  while (NPM_FOLDER.test(folders[0] ?? '')) folders.shift();
  return folders.join(':');
}
