/** An object as YAML: to look at, to change, and to see what the server would make of the change before it does. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure, failureText } from '../../model/api-failure.js';
import type { Resource } from '../../model/resources.js';
import { pathOf } from '../../model/resources.js';
import { withoutManagedFields } from '../../model/yaml-text.js';
import type { Editor } from '../api/editor.js';
import { useShell } from '../ui/context.js';
import { Notice } from '../ui/marks.js';
import { YamlBox } from '../ui/yaml-box.js';

const yamlType = 'application/yaml';
/** Unknown fields are refused, and the server knows who wrote. */
const writing = { fieldValidation: 'Strict', fieldManager: 'trireme-dashboard' };

/** Where one is with a change. */
type Step =
  | { readonly at: 'editing' }
  | { readonly at: 'asking' }
  /** What the server would store; empty where it would change nothing. */
  | { readonly at: 'checked'; readonly result: string; readonly isSame: boolean }
  | { readonly at: 'saved' };

/** The object's YAML. */
export function ObjectYaml(props: {
  resource: Resource;
  namespace: string;
  name: string;
}): JSX.Element {
  const { api } = useShell();
  const { namespace, name } = props;
  const path = pathOf(props.resource, { namespace, name });
  const [loaded, setLoaded] = useState<{ readonly text: string; readonly count: number }>();
  const [step, setStep] = useState<Step>({ at: 'editing' });
  const [error, setError] = useState<string>();
  const editor = useRef<Editor>(null);

  const load = async (): Promise<void> => {
    try {
      const text = withoutManagedFields(await api.text(path, { accept: yamlType }));
      setLoaded((before) => ({ text, count: (before?.count ?? 0) + 1 }));
      setError(undefined);
    } catch (failed) {
      setError(failureText(failed));
    }
  };
  useEffect(() => void load(), []);

  const put = async (isTrial: boolean): Promise<void> => {
    const query = new URLSearchParams({ ...writing, ...(isTrial ? { dryRun: 'All' } : {}) });
    const body = editor.current?.text() ?? '';
    setStep({ at: 'asking' });
    setError(undefined);
    try {
      const answer = await api.text(`${path}?${query.toString()}`, {
        method: 'PUT',
        accept: yamlType,
        contentType: yamlType,
        body,
      });
      const result = withoutManagedFields(answer);
      if (isTrial) setStep({ at: 'checked', result, isSame: result === loaded?.text });
      else {
        setLoaded((before) => ({ text: result, count: (before?.count ?? 0) + 1 }));
        setStep({ at: 'saved' });
      }
    } catch (failed) {
      const isConflict = failed instanceof ApiFailure && failed.code === 409;
      const hint = isConflict ? ' Load it again, and repeat your change.' : '';
      setError(`${failureText(failed)}${hint}`);
      setStep({ at: 'editing' });
    }
  };
  return (
    <>
      <Tools
        step={step}
        onCheck={() => void put(true)}
        onSave={() => void put(false)}
        onLoad={() => {
          setStep({ at: 'editing' });
          void load();
        }}
      />
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {step.at === 'saved' && <Notice tone="good">Saved.</Notice>}
      {step.at === 'checked' && <Outcome name={name} before={loaded?.text ?? ''} step={step} />}
      {loaded !== undefined && (
        <YamlBox
          key={loaded.count}
          label={`YAML of ${name}`}
          text={loaded.text}
          onOpen={(opened) => {
            editor.current = opened;
          }}
          onChange={() => setStep({ at: 'editing' })}
        />
      )}
    </>
  );
}

function Tools(props: {
  step: Step;
  onCheck: () => void;
  onSave: () => void;
  onLoad: () => void;
}): JSX.Element {
  const { step } = props;
  const isSavable = step.at === 'checked' && !step.isSame;
  return (
    <div class="tools">
      <button type="button" disabled={step.at === 'asking'} onClick={props.onCheck}>
        Check the change
      </button>
      <button type="button" class="main" disabled={!isSavable} onClick={props.onSave}>
        Save
      </button>
      <button type="button" onClick={props.onLoad}>
        Load again
      </button>
      <span class="hint">What you change is saved after the server has checked it.</span>
    </div>
  );
}

function Outcome(props: {
  name: string;
  before: string;
  step: Step & { readonly at: 'checked' };
}): JSX.Element {
  const { result, isSame } = props.step;
  if (isSame) return <Notice tone="calm">Nothing would change.</Notice>;
  return (
    <section aria-labelledby="outcome">
      <h2 id="outcome">What would be stored</h2>
      <YamlBox
        key={result}
        label={`Change of ${props.name}`}
        text={result}
        original={props.before}
      />
    </section>
  );
}
