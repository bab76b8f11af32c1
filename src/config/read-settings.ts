import type { z } from 'zod';
import { isObject } from '../core/json.ts';
import { defaultSettings, type StageSettings } from '../core/settings/index.ts';
import { checkSettings } from './check-settings.ts';
import { parseReporting } from './issues.ts';
import { layOver, OVERLAID, placeIn } from './overlay.ts';
import { projectSchema } from './project-schema.ts';
import type { YamlFile } from './yaml-file.ts';

type Written = z.output<typeof projectSchema>;

interface Setting {
  readonly file: YamlFile;
  readonly project: string;
  /** The whole file, as read. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What stage kinds read where no environment is chosen; reports what cannot be meant so. */
export function readSettings({ file, project, raw }: Setting, written: Written): StageSettings {
  const settings = settle(project, written);
  checkSettings({ file, settings, raw, place: placeIn(file, undefined) });
  return settings;
}

/** The same with what one environment says over it; `base` where it says nothing of them. */
export function readOverlay(
  { file, project, raw }: Setting,
  environment: string,
  base: StageSettings,
): StageSettings {
  const said = sectionsOf(raw, environment);
  if (Object.keys(said).length === 0) return base;
  const merged = { ...raw };
  for (const [key, value] of Object.entries(said))
    merged[key] = key in raw ? layOver(raw[key], value) : value;
  const { environments: _, ...sections } = merged;
  const place = placeIn(file, environment);
  const written = parseReporting(projectSchema, sections, { file, base: [], rewrite: place });
  if (!written) return base;
  const settings = settle(project, written);
  checkSettings({ file, settings, raw: merged, place, environment });
  return settings;
}

function sectionsOf(raw: Setting['raw'], environment: string): Readonly<Record<string, unknown>> {
  const { environments } = raw;
  const over = isObject(environments) ? environments[environment] : undefined;
  if (!isObject(over)) return {};
  return Object.fromEntries(OVERLAID.filter((key) => key in over).map((key) => [key, over[key]]));
}

function settle(project: string, written: Written): StageSettings {
  const defaults = defaultSettings(project);
  return {
    project,
    contexts: or(written.contexts, defaults.contexts),
    groups: or(written.groups, defaults.groups),
    analyze: or(written.analyze, defaults.analyze),
    test: or(written.test, defaults.test),
    build: or(written.build, defaults.build),
    deploy: or(written.deploy, defaults.deploy),
    verify: or(written.verify, defaults.verify),
    trigger: or(written.trigger, defaults.trigger),
    cases: or(written.cases, defaults.cases),
    notify: or(written.notify, defaults.notify),
    testgen: or(written.testgen, defaults.testgen),
    queue: or(written.queue, defaults.queue),
    results: or(written.results, defaults.results),
  };
}

function or<T>(said: T | undefined, otherwise: T): T {
  return said ?? otherwise;
}
