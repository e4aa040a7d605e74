// SPDX-License-Identifier: GPL-2.0-only
/** The page as a whole: the bar, the place, the views, and the sheet of keys. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SnapshotFrom } from 'xstate';
import { pageData } from './before.js';
import { Gallery, Verdicts } from './gallery.js';
import { kernelNames } from './kernels.js';
import { KEYS, type Key } from './keys.js';
import type { PageEvent, pageMachine } from './page-machine.js';
import { grouped } from './parts.js';
import { Queue } from './queue-view.js';
import type { Refuted } from './refuted.js';
import { Calls, CallsBeside, Events, Source } from './run-view.js';
import type { Session } from './session.js';
import { Side } from './side.js';
import type { Tracks } from './tracks.js';
import { type Axis, type TracksHandle, TracksView, usualAxis } from './tracks-view.js';

type Snapshot = SnapshotFrom<typeof pageMachine>;

interface AppProps {
  snapshot: Snapshot;
  send(event: PageEvent): void;
  /** what keys do that is no event of the page */
  acts: Acts;
  refuted: readonly Refuted[];
}

/** What the keyboard reaches into. */
export interface Acts {
  tracks: TracksHandle | null;
  axis(): void;
  fold(): void;
  search(): void;
  theme: string;
}

export function App({ snapshot, send, acts, refuted }: AppProps): JSX.Element {
  const { session, missing, fault } = snapshot.context;
  return (
    <>
      <Bar snapshot={snapshot} send={send} acts={acts} />
      {missing.length === 0 ? null : (
        <div class="notice" role="alert">
          What the link says and this page cannot do: {missing.join('; ')}.
        </div>
      )}
      {snapshot.matches({ run: 'failed' }) ? (
        <div class="notice" role="alert">
          {fault}
        </div>
      ) : null}
      {session !== null ? (
        <Run key={session.target.title} session={session} snapshot={snapshot} send={send} acts={acts} />
      ) : snapshot.matches({ run: 'opening' }) ? (
        <main class="opening">Running it once…</main>
      ) : (
        <Beginning send={send} refuted={refuted} />
      )}
      {snapshot.matches({ sheet: 'open' }) ? <Sheet send={send} /> : null}
    </>
  );
}

/** What check found, or the scenarios that there are. */
function Beginning({ send, refuted }: Pick<AppProps, 'send' | 'refuted'>): JSX.Element {
  const verdicts = pageData?.verdicts;
  return verdicts === undefined ? (
    <Gallery send={send} refuted={refuted} />
  ) : (
    <Verdicts verdicts={verdicts} send={send} />
  );
}

function Bar({ snapshot, send, acts }: Omit<AppProps, 'refuted'>): JSX.Element {
  const { session } = snapshot.context;
  const input = useRef<HTMLInputElement>(null);
  const [text, type] = useState('');
  acts.search = () => input.current?.focus();
  const find = (back: boolean): void => {
    if (text.trim() !== '') send({ type: 'find', text: text.trim(), back });
  };
  return (
    <header class="bar">
      <h1>
        <button type="button" onClick={() => send({ type: 'gallery' })} title="all runs (g)">
          kvmodel
        </button>
      </h1>
      {session === null ? null : (
        <>
          <b class="target">{session.target.title}</b>
          <Kernels session={session} send={send} />
          <div class="moves" role="toolbar" aria-label="stepping">
            {KEYS.filter(({ sign }) => sign !== undefined).map((key) => (
              <MoveButton key={key.name} it={key} send={send} />
            ))}
          </div>
          <search class="find">
            <form
              onSubmit={(e) => {
                e.preventDefault();
                find(false);
              }}
            >
              <input
                ref={input}
                type="search"
                aria-label="find a function, tracepoint, field or event"
                placeholder="yield_to, sched_switch, se[3].vruntime"
                value={text}
                onInput={(e) => type(e.currentTarget.value)}
                onKeyDown={(e) => {
                  if (e.key === 'Escape') e.currentTarget.blur();
                  if (e.key !== 'Enter' || !e.shiftKey) return;
                  e.preventDefault();
                  find(true);
                }}
              />
            </form>
          </search>
        </>
      )}
      <button type="button" class="help" aria-label="keys" title="keys (?)" onClick={() => send({ type: 'keys' })}>
        ?
      </button>
    </header>
  );
}

function MoveButton({ it, send }: { it: Key; send(event: PageEvent): void }): JSX.Element {
  const { name, sign, event, keys, says } = it;
  return (
    <button
      type="button"
      aria-label={name}
      title={`${name} (${keys.join(', ')}): ${says}`}
      onClick={() => {
        if (event !== undefined) send(event);
      }}
    >
      {sign}
    </button>
  );
}

function Kernels({ session, send }: { session: Session; send(event: PageEvent): void }): JSX.Element {
  const { target, kernel, other, edits } = session;
  const names = kernelNames(target.scenario.arch);
  const choose = (own: string, against: string): void => {
    const link = { ...session.linked, kernel: own, against: against === '' ? null : against, view: null, edits };
    send({ type: 'open', target, link, faults: [] });
  };
  const options = (chosen: string): JSX.Element[] =>
    [...new Set([chosen, ...names])]
      .filter((it) => it !== '')
      .map((it) => (
        <option key={it} value={it}>
          {it}
        </option>
      ));
  return (
    <span class="kernels">
      <select
        aria-label="kernel"
        value={kernel.name}
        onChange={(e) => choose(e.currentTarget.value, other?.name ?? '')}
      >
        {options(kernel.name)}
      </select>
      <select
        aria-label="beside kernel"
        value={other?.name ?? ''}
        onChange={(e) => choose(kernel.name, e.currentTarget.value)}
      >
        <option value="">alone</option>
        {options(other?.name ?? '').filter((it) => it.key !== kernel.name)}
      </select>
    </span>
  );
}

interface RunProps extends Omit<AppProps, 'refuted'> {
  session: Session;
}

function Run({ session, snapshot, send, acts }: RunProps): JSX.Element {
  const { turn, view, cpu } = snapshot.context;
  const [axis, setAxis] = useState<{ of: Tracks | null; axis: Axis }>({ of: null, axis: 'time' });
  const chosen = axis.of === null ? usualAxis(session.tracks) : axis.axis;
  acts.axis = () => setAxis({ of: session.tracks, axis: chosen === 'time' ? 'events' : 'time' });
  const { isWhole } = session;
  const { other } = session.stepper;
  // what takes a run of its own is found out once the page is there, and the run
  useEffect(() => {
    if (!isWhole) return;
    const timer = window.setTimeout(() => void session.findMarks().then(() => send({ type: 'recorded' })), 50);
    return () => window.clearTimeout(timer);
  }, [session, session.line.events, isWhole]);
  const props = { session, turn, send };
  return (
    <main class="run">
      <Where session={session} snapshot={snapshot} send={send} />
      <TracksView
        {...props}
        axis={chosen}
        theme={acts.theme}
        handle={(it) => {
          acts.tracks = it;
        }}
      />
      <Events {...props} />
      <div class={other === null ? 'calls' : 'calls two'}>
        <Calls
          {...props}
          folding={(it) => {
            acts.fold = it;
          }}
        />
        {other === null ? null : <CallsBeside {...props} other={other} />}
      </div>
      <Source {...props} />
      <div class="right">
        <Queue {...props} cpu={cpu} />
        <Side {...props} view={view} />
      </div>
    </main>
  );
}

function Where({ session, snapshot, send }: Omit<RunProps, 'acts'>): JSX.Element {
  const { line, stepper, said, edits } = session;
  const { event, step } = line.place;
  const ended = line.died !== null;
  return (
    <output class="where">
      <b>{grouped(stepper.ns())} ns</b>
      <span>{stepper.eventLine(event).replace(/^#(\d+) */, step > 0 ? 'in #$1 ' : 'before #$1 ')}</span>
      {ended ? <em>{line.died}</em> : null}
      {snapshot.matches({ run: 'searching' }) ? (
        <button type="button" onClick={() => send({ type: 'interrupt' })}>
          searching; end it
        </button>
      ) : null}
      {edits.length === 0 ? null : (
        <button type="button" onClick={() => send({ type: 'restore' })} title="r">
          {edits.length === 1 ? 'one event changed' : `${edits.length} events changed`}: restore
        </button>
      )}
      <span class="said">{said}</span>
    </output>
  );
}

function Sheet({ send }: { send(event: PageEvent): void }): JSX.Element {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  return (
    <div class="sheet" role="dialog" aria-modal="true" aria-label="keys">
      <button type="button" ref={close} onClick={() => send({ type: 'close' })}>
        close
      </button>
      <dl>
        {KEYS.map(({ keys, name, says }) => (
          <div key={name}>
            <dt>
              {keys.map((it) => (
                <kbd key={it}>{it.replace('Arrow', '')}</kbd>
              ))}
            </dt>
            <dd>
              <b>{name}</b> {says}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
