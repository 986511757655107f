import type { OciMount } from './oci.js';

/** The file systems that every container has. */
export function defaultMounts(options: {
  readonly privileged: boolean;
  readonly hostNetwork: boolean;
  readonly shm: string | undefined;
  readonly cgroupV2: boolean;
}): OciMount[] {
  const access = options.privileged ? 'rw' : 'ro';
  const mount = (
    destination: string,
    type: string,
    source: string,
    ...flags: string[]
  ): OciMount => ({ destination, type, source, options: flags });
  return [
    mount('/proc', 'proc', 'proc', 'nosuid', 'noexec', 'nodev'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    mount(
      '/dev/pts',
      'devpts',
      'devpts',
      'nosuid',
      'noexec',
      'newinstance',
      'ptmxmode=0666',
      'mode=0620',
      'gid=5',
    ),
    options.shm === undefined
      ? mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k')
      : mount('/dev/shm', 'bind', options.shm, 'rbind', 'rprivate', 'rw'),
    mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
    options.hostNetwork
      ? mount('/sys', 'bind', '/sys', 'rbind', 'rslave', access)
      : mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', access),
    mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', access),
  ];
}
