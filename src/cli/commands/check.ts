import type { Command } from '../command.ts';
import { printJson } from '../print.ts';
import type { Services } from '../services.ts';

/** `validate`: every problem of every file; exit code 2 when there is an error. */
export async function validate(
  command: Extract<Command, { readonly name: 'validate' }>,
  services: Services,
): Promise<number> {
  const source = await services.pipelines();
  const checked = await source.validate(command.files);
  const isValid = checked.every((file) => file.isValid);
  if (command.json) {
    await printJson(services, {
      valid: isValid,
      files: checked.map((file) => ({
        file: file.file,
        valid: file.isValid,
        diagnostics: file.diagnostics,
      })),
    });
    return isValid ? 0 : 2;
  }
  if (checked.length === 0) {
    services.terminal.say(
      'pipewright: there is nothing to validate; pipewright init  writes a first pipeline',
    );
  }
  for (const file of checked) {
    for (const text of file.text) services.terminal.say(text);
    await services.terminal.print([`${file.isValid ? 'valid  ' : 'invalid'}  ${file.file}`]);
  }
  return isValid ? 0 : 2;
}

/** `schema`: always JSON. */
export async function schema(
  command: Extract<Command, { readonly name: 'schema' }>,
  services: Services,
): Promise<number> {
  await printJson(services, await services.schema(command.of));
  return 0;
}
