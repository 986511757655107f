/** Says how good or bad a status text is, for its colour and mark. The text itself is always shown as well. */

/** `good`: as it should be; `busy`: on its way; `bad`: somebody has to look; `calm`: over, or nothing to say. */
export type Tone = 'good' | 'busy' | 'bad' | 'calm';

const good = /^(?:Running|Ready|Active|Bound|Available|True|Healthy|Complete)$/;
const busy =
  /^(?:Pending|ContainerCreating|PodInitializing|Terminating|Init:\d+\/\d+|Released|NotReady,SchedulingDisabled)$/;
const calm = /^(?:Completed|Succeeded|Suspended|<none>|)$/;

/** The tone of a STATUS cell, as `kubectl get` prints it for pods, nodes, namespaces, claims. */
export function toneOf(status: string): Tone {
  if (good.test(status)) return 'good';
  if (busy.test(status) || status.startsWith('Ready,')) return 'busy';
  return calm.test(status) ? 'calm' : 'bad';
}

/** The tone of an event's TYPE cell. */
export function toneOfEvent(type: string): Tone {
  return type === 'Warning' ? 'bad' : 'calm';
}

/** The tone of a READY cell such as `2/3`; undefined for a text of another form. */
export function toneOfShare(text: string): Tone | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [have, want] = [Number(match[1]), Number(match[2])];
  if (have >= want) return want === 0 ? 'calm' : 'good';
  return have === 0 ? 'bad' : 'busy';
}
