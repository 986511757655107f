/** Names of kernel parameters, and the kernel namespace that each belongs to. */

const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const pattern = `(${segment}[\\./])*${segment}`;
const regex = new RegExp(`^(?:${pattern})$`);
const maxLength = 253;

/** Validates the name of a sysctl; returns the texts of its errors. */
export function sysctlErrors(name: string): string[] {
  if (name.length <= maxLength && regex.test(name)) return [];
  return [`must have at most ${maxLength} characters and match regex ^${pattern}$`];
}

/** `net/ipv4/conf/eth0.1/x` is `net.ipv4.conf.eth0/1.x`: with a slash first, both signs change places. */
export function dottedSysctl(name: string): string {
  const separator = /[./]/.exec(name)?.[0] ?? '.';
  if (separator === '.') return name;
  return name.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.'));
}

/** The kernel namespace in which the parameter lives; undefined for those of the whole node. */
export function sysctlNamespace(name: string): 'ipc' | 'net' | undefined {
  const dotted = dottedSysctl(name);
  if (dotted.startsWith('net.')) return 'net';
  const isIpc =
    dotted === 'kernel.sem' ||
    ['kernel.shm', 'kernel.msg', 'fs.mqueue.'].some((prefix) => dotted.startsWith(prefix));
  return isIpc ? 'ipc' : undefined;
}
