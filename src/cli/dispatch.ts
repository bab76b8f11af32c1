import type { Command } from './command.ts';
import type { Services } from './services.ts';

type CommandWithServices = Exclude<Command, { readonly name: 'help' | 'version' | 'completion' }>;

/** Runs one command; each loads only its own code. Resolves with the exit code. */
export async function dispatch(command: CommandWithServices, services: Services): Promise<number> {
  switch (command.name) {
    case 'run':
      return (await import('./commands/run.ts')).run(command, services);
    case 'plan':
      return (await import('./commands/run.ts')).plan(command, services);
    case 'watch':
      return (await import('./commands/watch.ts')).watch(command, services);
    case 'continue':
      return (await import('./commands/continue.ts')).continueRun(command, services);
    case 'rerun':
      return (await import('./commands/continue.ts')).rerun(command, services);
    case 'home':
      return (await import('./commands/home.ts')).home(command, services);
    case 'logs':
      return (await import('./commands/logs.ts')).logs(command, services);
    case 'init':
      return (await import('./commands/init.ts')).init(command, services);
    case 'rollback':
      return (await import('./commands/rollback.ts')).rollback(command, services);
    case 'demo':
      return (await import('./commands/demo.ts')).demo(command, services);
    case 'doctor':
      return (await import('./commands/doctor.ts')).doctor(command, services);
    case 'validate':
      return (await import('./commands/check.ts')).validate(command, services);
    case 'hook':
      return (await import('./commands/hook.ts')).hook(command, services);
    case 'context':
      return (await import('./commands/context.ts')).context(command, services);
    case 'transfer':
      return (await import('./commands/transfer.ts')).transferFiles(command, services);
    case 'serve':
      return (await import('./commands/serve.ts')).serve(command, services);
    case 'worker':
      return (await import('./commands/worker.ts')).worker(command, services);
    case 'queue':
      return (await import('./commands/queue.ts')).queue(command, services);
    case 'schema':
      return (await import('./commands/check.ts')).schema(command, services);
    default:
      return look(command, services);
  }
}

type LookCommand = Extract<
  CommandWithServices,
  { readonly name: 'why' | 'runs' | 'show' | 'audit' | 'approve' | 'reject' | 'cancel' | 'unlock' }
>;

async function look(command: LookCommand, services: Services): Promise<number> {
  switch (command.name) {
    case 'runs':
      return (await import('./commands/look.ts')).runs(command, services);
    case 'show':
      return (await import('./commands/look.ts')).show(command, services);
    case 'why':
      return (await import('./commands/look.ts')).why(command, services);
    case 'audit':
      return (await import('./commands/look.ts')).audit(command, services);
    case 'approve':
    case 'reject':
      return (await import('./commands/answer.ts')).answer(command, services);
    case 'cancel':
      return (await import('./commands/answer.ts')).cancel(command, services);
    case 'unlock':
      return (await import('./commands/answer.ts')).unlock(command, services);
    default:
      return command satisfies never;
  }
}
