/** A container that does not run, or is not ready. Pure. */
import { humanDuration } from '../api/print/duration.js';
import { parseTime } from '../api/facts/time.js';
import type { Container, ContainerStatus, Event, Pod, Probe } from '../api/types/core.js';
import { exitWords } from './exit.js';
import type { Finding, Mend } from './finding.js';
import { count, well } from './finding.js';
import { explainImage, imageReasons } from './image.js';
import { doubleMemory, missingReferences } from './references.js';
import { editWorkload } from './targets.js';
import type { ClusterView } from './view.js';
import { eventTime } from './view.js';

/** A container with all that there is to say about it. */
interface Case {
  readonly pod: Pod;
  readonly container: Container;
  readonly status: ContainerStatus;
  readonly view: ClusterView;
  readonly about: string;
}

/** Why a container is not ready, or has not done what it should; `ok` when there is nothing to say. */
export function explainContainer(
  pod: Pod,
  container: Container,
  status: ContainerStatus | undefined,
  view: ClusterView,
  noun = 'container',
): Finding {
  const about = `${noun} ${container.name}`;
  if (status === undefined) return { about, level: 'waiting', says: 'has not been started yet' };
  const one: Case = { pod, container, status, view, about };
  const { waiting, terminated, running } = status.state ?? {};
  if (terminated !== undefined) return ended(one, terminated);
  if (waiting !== undefined) return waits(one, waiting);
  if (running !== undefined && !status.ready) return unready(one, running.startedAt);
  if (running !== undefined && recentlyRestarted(one)) return restarted(one);
  return well(about, 'runs');
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;
type Waiting = NonNullable<NonNullable<ContainerStatus['state']>['waiting']>;

function waits(one: Case, waiting: Waiting): Finding {
  const { pod, container, status, view, about } = one;
  const { reason = '', message = '' } = waiting;
  if (imageReasons.has(reason)) {
    const cause = explainImage(pod, container, waiting, view);
    return { about, level: 'problem', says: `has no image (${reason})`, causes: [cause] };
  }
  if (reason === 'CrashLoopBackOff') return crashes(one, message);
  if (reason === 'CreateContainerConfigError' || reason === 'CreateContainerError') {
    const causes = missingReferences(pod, view, container);
    const says = `cannot be made (${reason})`;
    const command = editWorkload(pod, view);
    const mend: Mend[] =
      causes.length > 0 || command === undefined
        ? []
        : [{ words: 'correct the container', command }];
    return {
      about,
      level: 'problem',
      says,
      details: message === '' ? [] : [message],
      causes,
      mend,
    };
  }
  if (reason === 'RunContainerError' || reason === 'StartError') {
    return neverStarted(
      one,
      message === '' ? (status.lastState?.terminated?.message ?? '') : message,
    );
  }
  if (reason === 'PodInitializing')
    return { about, level: 'ok', says: 'waits for the init containers' };
  return { about, level: 'waiting', says: `is being made (${reason === '' ? 'waiting' : reason})` };
}

function neverStarted({ pod, container, about, view }: Case, message: string): Finding {
  const words = [...(container.command ?? []), ...(container.args ?? [])].join(' ');
  const notFound = /executable file not found|no such file or directory|command not found/i.test(
    message,
  );
  const denied = /permission denied/i.test(message);
  const command = editWorkload(pod, view);
  const cause = notFound
    ? 'its command does not exist in the image'
    : denied
      ? 'its command may not be executed'
      : 'the runtime refused it';
  return {
    about,
    level: 'problem',
    says: `could not be started: ${cause}`,
    details: [...(words === '' ? [] : [`command: ${words}`]), ...(message === '' ? [] : [message])],
    mend: [
      {
        words: 'correct the command, or take an image that has it',
        ...(command === undefined ? {} : { command }),
      },
    ],
  };
}

/** It ends again and again; the next start waits. */
function crashes(one: Case, message: string): Finding {
  const { pod, container, status, view, about } = one;
  const last = status.lastState?.terminated;
  const delay = /^back-off (\S+) restarting/.exec(message)?.[1];
  const next = nextStart(last?.finishedAt, delay, view.nowMs);
  const says = `ends again and again, ${count(status.restartCount, 'restart')} so far${next}`;
  if (last === undefined) return { about, level: 'problem', says, details: [message] };
  if (last.reason === 'StartError') {
    return {
      about,
      level: 'problem',
      says,
      causes: [neverStarted({ ...one, about: 'last run' }, last.message ?? '')],
    };
  }
  return { about, level: 'problem', says, causes: [lastRun(pod, container, last, view)] };
}

function nextStart(
  finishedAt: string | undefined,
  delay: string | undefined,
  nowMs: number,
): string {
  if (delay === undefined) return '';
  const finishedMs = parseTime(finishedAt);
  const match = /^(?:(\d+)m)?(\d+)s$/.exec(delay);
  if (finishedMs === undefined || match === null)
    return `; it waits ${delay} before the next start`;
  const leftMs = finishedMs + (Number(match[1] ?? 0) * 60 + Number(match[2])) * 1000 - nowMs;
  const left = leftMs <= 0 ? 'now' : `in ${humanDuration(leftMs)}`;
  return `; the back-off is ${delay}, the next start is due ${left}`;
}

/** How a run ended, and why. */
function lastRun(pod: Pod, container: Container, last: Terminated, view: ClusterView): Finding {
  const memory = container.resources?.limits?.['memory'];
  const killed = killedByProbe(pod, container, view);
  const logs: Mend = {
    words: 'see what it wrote before it ended',
    command: `trireme logs ${pod.metadata.name}${view.flag(pod.metadata.namespace)} -c ${container.name} --previous`,
  };
  const ranMs = (parseTime(last.finishedAt) ?? 0) - (parseTime(last.startedAt) ?? 0);
  const details = [
    ...(last.startedAt !== undefined && ranMs >= 0
      ? [`it had run for ${humanDuration(ranMs)}`]
      : []),
    ...((last.message ?? '') === ''
      ? []
      : [`it left the message: ${(last.message ?? '').trim().split('\n').slice(-3).join(' | ')}`]),
    ...(last.exitCode === 0 && last.reason !== 'OOMKilled'
      ? ['a container of this pod is started again whenever it ends (restartPolicy)']
      : []),
  ];
  const oom = last.reason === 'OOMKilled' ? doubleMemory(pod, container, view) : [];
  return {
    about: 'last run',
    level: 'problem',
    says: exitWords(last, memory),
    since: last.finishedAt,
    details,
    mend: [...oom, logs],
    causes: killed === undefined ? [] : [killed],
  };
}

/** The probe that had a container killed; undefined when none did. */
function killedByProbe(pod: Pod, container: Container, view: ClusterView): Finding | undefined {
  const killing = eventsOf(pod, container, view).find(
    ({ reason, message = '' }) =>
      reason === 'Killing' && /failed (liveness|startup) probe/.test(message),
  );
  if (killing === undefined) return undefined;
  const kind = /failed startup probe/.test(killing.message ?? '') ? 'startup' : 'liveness';
  return failingProbe(pod, container, kind, view);
}

function ended(one: Case, terminated: Terminated): Finding {
  const { pod, container, view, about } = one;
  const memory = container.resources?.limits?.['memory'];
  if (terminated.exitCode === 0) return well(about, 'has done its work');
  if (terminated.reason === 'StartError') return neverStarted(one, terminated.message ?? '');
  const run = lastRun(pod, container, terminated, view);
  const logs = run.mend?.map((mend) => ({
    ...mend,
    ...(mend.command === undefined ? {} : { command: mend.command.replace(/ --previous$/, '') }),
  }));
  return { ...run, about, says: `has failed: ${exitWords(terminated, memory)}`, mend: logs };
}

/** It runs now, and has ended not long ago. */
function recentlyRestarted({ status, view }: Case): boolean {
  const endedMs = parseTime(status.lastState?.terminated?.finishedAt);
  return status.restartCount > 0 && endedMs !== undefined && view.nowMs - endedMs < 10 * 60_000;
}

function restarted({ pod, container, status, view, about }: Case): Finding {
  const last = status.lastState?.terminated;
  const says = `runs, and was started again lately (${count(status.restartCount, 'restart')})`;
  const causes = last === undefined ? [] : [lastRun(pod, container, last, view)];
  return { about, level: 'waiting', says, causes };
}

function unready(
  { pod, container, status, view, about }: Case,
  startedAt: string | undefined,
): Finding {
  const kind =
    status.started === false && container.startupProbe !== undefined ? 'startup' : 'readiness';
  const probe = kind === 'startup' ? container.startupProbe : container.readinessProbe;
  if (probe === undefined) {
    return { about, level: 'waiting', says: 'runs and is not ready yet', since: startedAt };
  }
  const cause = failingProbe(pod, container, kind, view);
  const says = kind === 'startup' ? 'runs and has not started up yet' : 'runs and is not ready';
  const last = status.lastState?.terminated;
  const before = last === undefined ? [] : [lastRun(pod, container, last, view)];
  return { about, level: cause.level, says, since: startedAt, causes: [cause, ...before] };
}

type ProbeKind = 'readiness' | 'liveness' | 'startup';

/** What a probe asks, how often, and what came of it. */
function failingProbe(pod: Pod, container: Container, kind: ProbeKind, view: ClusterView): Finding {
  const probe = container[`${kind}Probe`];
  const title = `${kind[0]?.toUpperCase() ?? ''}${kind.slice(1)}`;
  const failure = eventsOf(pod, container, view).find(
    ({ reason, message = '' }) => reason === 'Unhealthy' && message.startsWith(`${title} probe`),
  );
  const about = `${kind} probe`;
  const asks = probe === undefined ? 'fails' : `(${probeWords(probe)})`;
  if (failure === undefined) {
    return { about, level: 'waiting', says: `${asks} has not succeeded yet` };
  }
  const output = (failure.message ?? '').replace(/^\w+ probe (failed|errored[^:]*): ?/, '').trim();
  const times = failure.series?.count ?? failure.count ?? 1;
  const command = editWorkload(pod, view);
  return {
    about,
    level: 'problem',
    says: `${asks} fails${times > 1 ? `, ${times} times so far` : ''}`,
    since: failure.firstTimestamp ?? eventTime(failure),
    details: [...(output === '' ? [] : [output]), ...hintsOf(output, container)],
    mend: [
      {
        words: 'see what the container says; correct the probe if it asks for the wrong thing',
        command: `trireme logs ${pod.metadata.name}${view.flag(pod.metadata.namespace)} -c ${container.name}`,
      },
      ...(command === undefined ? [] : [{ words: 'correct the probe', command }]),
    ],
  };
}

/** `GET http://:8080/ready every 10 s, within 1 s`. */
function probeWords(probe: Probe): string {
  const { httpGet, tcpSocket, exec, grpc, periodSeconds = 10, timeoutSeconds = 1 } = probe;
  const what =
    httpGet !== undefined
      ? `GET ${(httpGet.scheme ?? 'HTTP').toLowerCase()}://${httpGet.host ?? ''}:${httpGet.port}${httpGet.path ?? '/'}`
      : tcpSocket !== undefined
        ? `connect to port ${tcpSocket.port}`
        : grpc !== undefined
          ? `gRPC health check at port ${grpc.port}`
          : `run ${(exec?.command ?? []).join(' ')}`;
  return `${what} every ${periodSeconds} s, within ${timeoutSeconds} s`;
}

function hintsOf(output: string, container: Container): string[] {
  if (/connection refused/.test(output)) {
    const ports = (container.ports ?? []).map(({ containerPort }) => containerPort);
    const named = ports.length === 0 ? '' : `; it names ${ports.join(', ')}`;
    return [`nothing listens at that port in the container${named}`];
  }
  if (/statuscode: 404/.test(output)) return ['the path does not exist in the container'];
  if (/deadline exceeded|timeout|timed out/i.test(output))
    return ['the answer takes longer than timeoutSeconds allows'];
  return [];
}

/** The pod's events about one container, the latest first. */
function eventsOf(pod: Pod, { name }: Container, view: ClusterView): Event[] {
  return view.events(pod).filter(({ involvedObject }) => {
    const path = involvedObject?.fieldPath ?? '';
    return path === '' || path.endsWith(`{${name}}`);
  });
}
