import { problem, type SettingCheck, unknownName } from './setting-check.ts';

/** Reports groups whose members are not there, and names that would mean two things. */
export function checkGroups(check: SettingCheck): void {
  const { contexts, groups } = check.settings;
  const known = Object.keys(contexts);
  for (const [name, members] of Object.entries(groups)) {
    if (name === 'local' || known.includes(name)) {
      problem(check, ['groups', name], `"${name}" is a context already`);
    }
    for (const [index, member] of members.entries()) {
      if (known.includes(member)) continue;
      unknownName(check, ['groups', name, index], { what: 'there is no context', name: member, known });
    }
  }
}
