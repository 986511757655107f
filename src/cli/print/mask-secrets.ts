import type { KubeObject } from '../../api/object.js';

type Data = Readonly<Record<string, string>>;

/**
 * Hides the values of a secret for who looks over a shoulder: only whether one changes is seen.
 * @returns both sides as they are shown; what is no secret is as it was
 */
export function maskSecrets<Before extends KubeObject | undefined>(
  before: Before,
  after: KubeObject,
): [Before, KubeObject] {
  if (after.kind !== 'Secret') return [before, after];
  const [from, to] = [dataOf(before), dataOf(after)];
  const masked = (data: Data, mark: string): Data =>
    Object.fromEntries(
      Object.keys(data).map((key) => {
        const isChanged = key in from && key in to && from[key] !== to[key];
        return [key, isChanged ? `*** (${mark})` : '***'];
      }),
    );
  const shown = <T extends KubeObject | undefined>(object: T, data: Data): T =>
    object === undefined || !('data' in object) ? object : { ...object, data };
  return [shown(before, masked(from, 'before')), shown(after, masked(to, 'after'))];
}

function dataOf(object: KubeObject | undefined): Data {
  return (object as { readonly data?: Data } | undefined)?.data ?? {};
}
