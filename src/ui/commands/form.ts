import { edit, editedText, insert, textOf } from '../edit.ts';
import { isText } from '../keys.ts';
import { takesCommits } from '../model/takes-commits.ts';
import { commandLine, commonPrefix, createForm, orderOf, problemsIn, withLastValues } from '../model/form.ts';
import type { FormField, FormState } from '../state.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, say, sayRefusal, withBusy } from './context.ts';
import type { DriveCommands } from './drive.ts';

/** The parameters of a pipeline before it runs. */
export interface FormCommands {
  /** Without commits, a pipeline that takes some shows them first. */
  readonly open: (target: string, commits?: FormState['commits']) => void;
  readonly back: () => void;
  readonly move: (by: number) => void;
  /** enter: the next field; on the start button the run begins. */
  readonly next: () => void;
  readonly start: () => void;
  /** Completes a path; without completions the next field. */
  readonly complete: () => void;
  /** A key for the field with the caret; false when it means nothing there. */
  readonly type: (key: string) => boolean;
  readonly paste: (text: string) => void;
  readonly useLastValues: () => void;
  readonly reset: () => void;
  readonly copyCommand: () => void;
  readonly plan: () => void;
}

interface FormDoors {
  /** `orElse` is done where there is no repository. */
  readonly openCommits: (target: string, orElse: () => void) => void;
}

export function createFormCommands(
  context: CommandContext,
  app: AppCommands,
  drive: DriveCommands,
  doors: FormDoors,
): FormCommands {
  const { store, backend } = context;
  const patchForm = (change: (form: FormState) => FormState): void =>
    patch(store, ({ form }) => (form ? { form: change(form) } : {}));
  const move = (by: number): void => patchForm((form) => checked(moved(form, by), backend.check));
  const start = (): void => {
    const { form } = store.getState();
    if (!form) return;
    const problems = problemsIn(form, backend.check);
    const first = form.fields.findIndex(({ name }) => problems[name] !== undefined);
    if (Object.keys(problems).length === 0) {
      drive.start({ type: 'start', order: orderOf(form) }, form.target);
      return;
    }
    patchForm((now) => ({ ...now, problems, at: Math.max(0, first) }));
    say(store, 'nothing was started: see the fields marked ✗', 'bad');
  };
  return {
    open: (target, commits) =>
      void withBusy(context, `reading ${target}`, () => open(context, doors, target, commits)),
    back: () =>
      patch(store, (state) => ({
        screen: state.form?.commits && state.commits ? 'commits' : 'home',
        form: undefined,
      })),
    move,
    start,
    next: () => {
      const { form } = store.getState();
      if (form && form.at >= form.fields.length) start();
      else move(1);
    },
    complete: () => void complete(context, () => move(1)),
    type: (key) => {
      const { form } = store.getState();
      const after = form && typed(form, key);
      if (after) patchForm(() => after);
      return after !== undefined;
    },
    paste: (text) =>
      patchForm((form) =>
        changeField(form, (field) => (isTyped(field) ? { ...field, text: insert(field.text, text) } : field)),
      ),
    useLastValues: () => patchForm((form) => checked(withLastValues(form), backend.check)),
    reset: () =>
      patchForm((form) => ({
        ...form,
        problems: {},
        fields: form.fields.map((field) => ({
          ...field,
          text: editedText(field.initial),
          wasTouched: false,
        })),
      })),
    copyCommand: () => {
      const { form } = store.getState();
      if (!form) return;
      context.host.copy(commandLine(form));
      say(store, 'copied the command', 'good');
    },
    plan: () => {
      const { form } = store.getState();
      if (form) void plan(context, app, form);
    },
  };
}

async function open(
  { store, backend }: CommandContext,
  doors: FormDoors,
  target: string,
  commits: FormState['commits'],
): Promise<void> {
  const opened = await backend.load(target);
  if (!opened.ok) return sayRefusal(store, opened.failure, `${target} has problems`);
  const form = { ...createForm(target, opened.value), ...(commits && { commits }) };
  const show = (): void => patch(store, () => ({ screen: 'form', page: undefined, form }));
  if (!commits && takesCommits(opened.value.definition)) doors.openCommits(target, show);
  else show();
}

function plan(context: CommandContext, app: AppCommands, form: FormState): Promise<void> {
  return withBusy(context, 'planning', async () => {
    const planned = await context.backend.plan(orderOf(form));
    if (planned.ok)
      app.showPage({ title: `Plan: ${form.target}`, lines: context.backend.text.plan(planned.value) });
    else sayRefusal(context.store, planned.failure, `No plan for ${form.target}`);
  });
}

async function complete({ store, backend }: CommandContext, next: () => void): Promise<void> {
  const field = currentField(store.getState().form);
  if (field?.kind !== 'path') return next();
  const prefix = field.text.before;
  const completions = await backend.completePath(prefix);
  const form = store.getState().form;
  // Typed on meanwhile: the answer is about something else.
  if (!form || currentField(form)?.text.before !== prefix) return;
  const longer = commonPrefix(completions);
  if (completions.length === 0 || (completions.length === 1 && longer === prefix)) return next();
  const changed = changeField(form, (now) => ({
    ...now,
    text: { ...now.text, before: longer },
    wasTouched: true,
  }));
  patch(store, () => ({ form: { ...changed, completions: completions.length > 1 ? completions : [] } }));
}

export function currentField(form: FormState | undefined): FormField | undefined {
  return form?.fields[form.at];
}

/** Letters go into it. */
export function isTyped({ kind }: FormField): boolean {
  return kind !== 'toggle' && kind !== 'choice';
}

function moved(form: FormState, by: number): FormState {
  const at = Math.min(form.fields.length, Math.max(0, form.at + by));
  const fields = form.fields.map((field, index) =>
    index === form.at ? { ...field, wasTouched: true } : field,
  );
  return { ...form, at, fields, completions: [] };
}

/** Problems of fields that were left; an empty form is not full of complaints. */
function checked(form: FormState, check: Parameters<typeof problemsIn>[1]): FormState {
  const touched = new Set(form.fields.filter(({ wasTouched }) => wasTouched).map(({ name }) => name));
  const problems = Object.entries(problemsIn(form, check)).filter(([name]) => touched.has(name));
  return { ...form, problems: Object.fromEntries(problems) };
}

function changeField(form: FormState, change: (field: FormField) => FormField): FormState {
  return {
    ...form,
    completions: [],
    fields: form.fields.map((field, index) => (index === form.at ? change(field) : field)),
  };
}

function typed(form: FormState, key: string): FormState | undefined {
  const field = currentField(form);
  if (!field) return undefined;
  switch (field.kind) {
    case 'toggle':
      return TOGGLES.has(key) ? changeField(form, toggled) : undefined;
    case 'choice': {
      const by = CHOICES[key];
      return by === undefined ? undefined : changeField(form, (now) => nextChoice(now, by));
    }
    case 'number':
      return isText(key) && !/[-+\d]/.test(key) ? form : typedText(form, field, key);
    default:
      return typedText(form, field, key);
  }
}

const TOGGLES: ReadonlySet<string> = new Set([' ', 'left', 'right']);
const CHOICES: Readonly<Record<string, number>> = { left: -1, right: 1, ' ': 1 };

function typedText(form: FormState, field: FormField, key: string): FormState | undefined {
  const text = edit(field.text, key);
  return (
    text &&
    withoutProblem(
      changeField(form, (now) => ({ ...now, text })),
      field.name,
    )
  );
}

/** A field that is being corrected is not marked wrong; leaving it checks it again. */
function withoutProblem(form: FormState, name: string): FormState {
  return {
    ...form,
    problems: Object.fromEntries(Object.entries(form.problems).filter(([other]) => other !== name)),
  };
}

function toggled(field: FormField): FormField {
  return { ...field, text: editedText(textOf(field.text) === 'true' ? 'false' : 'true') };
}

function nextChoice(field: FormField, by: number): FormField {
  const { choices } = field;
  const at = choices.indexOf(textOf(field.text));
  const next = choices[(at + by + choices.length) % choices.length];
  return { ...field, text: editedText(next ?? '') };
}
