/** The baseline check of SELinux labels: own types only from a list, no user, no role. */
import type { CheckPod } from './checks.js';
import { namesWhere, plural, quoted, setters, sorted } from './checks.js';

interface Labels {
  readonly type?: string | undefined;
  readonly user?: string | undefined;
  readonly role?: string | undefined;
}

/** @param allowed types beside the empty one */
export function seLinuxOptions(allowed: readonly string[]): CheckPod {
  return (subject) => {
    const types = new Set<string>();
    let [setsUser, setsRole] = [false, false];
    const isBad = ({ type = '', user = '', role = '' }: Labels = {}): boolean => {
      const badType = type !== '' && !allowed.includes(type);
      if (badType) types.add(type);
      if (user !== '') setsUser = true;
      if (role !== '') setsRole = true;
      return badType || user !== '' || role !== '';
    };
    const isPodBad = isBad(subject.spec.securityContext?.seLinuxOptions);
    const bad = namesWhere(subject, (container) =>
      isBad(container.securityContext?.seLinuxOptions),
    );
    const who = setters(isPodBad, bad);
    if (who.length === 0) return undefined;
    const what = [
      ...(types.size > 0 ? [`${plural('type', types.size)} ${quoted(sorted(types))}`] : []),
      ...(setsUser ? ['user may not be set'] : []),
      ...(setsRole ? ['role may not be set'] : []),
    ];
    const text = 'set forbidden securityContext.seLinuxOptions';
    return { reason: 'seLinuxOptions', detail: `${who.join(' and ')} ${text}: ${what.join('; ')}` };
  };
}
