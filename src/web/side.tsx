// SPDX-License-Identifier: GPL-2.0-only
/** What is looked at beside the run, one at a time: changes, local APICs, properties, next events, the other kernel. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { machine } from '../machine/state.js';
import { eventText } from '../report/event-text.js';
import { nextEvents } from '../step/next-events.js';
import { pathText } from '../step/text.js';
import { byRecord, type Change, differencesOf } from './changes.js';
import { Lapic } from './lapic-view.js';
import { VIEWS, type View } from './page-machine.js';
import { grouped, Scroll } from './parts.js';
import { propertiesFor, type Said, said } from './properties.js';
import { Changes, changeText, Value, type ViewProps } from './run-view.js';

type Session = ViewProps['session'];

const TITLES: Readonly<Record<View, string>> = {
  changes: 'Changes',
  lapic: 'Local APIC',
  properties: 'Properties',
  next: 'Next events',
  kernels: 'Kernels',
};

export function Side(props: ViewProps & { view: View }): JSX.Element {
  const { view, send } = props;
  const Shown = { changes: Changes, lapic: Lapic, properties: Properties, next: Next, kernels: Kernels }[view];
  return (
    <section class="panel" id="side" aria-label="beside the run">
      <div class="tabs" role="tablist" aria-label="views">
        {VIEWS.map((it, i) => (
          <button
            type="button"
            key={it}
            role="tab"
            id={`tab-${it}`}
            aria-selected={it === view}
            aria-controls="view"
            title={`key ${i + 1}`}
            onClick={() => send({ type: 'show', view: it })}
          >
            {TITLES[it]}
          </button>
        ))}
      </div>
      <div id="view" role="tabpanel" aria-labelledby={`tab-${view}`}>
        <Shown {...props} />
      </div>
    </section>
  );
}

/* ---- properties ---- */

/** Asking all of a run that is longer takes its time, so somebody has to want it. */
const ASKED_AT_ONCE = 2_000;

/** What properties say of the run as it is, found out bit by bit once somebody wants it. */
function useSaid({ target, kernel, line: { events } }: Session, wanted: boolean): { said: Said[]; of: number } {
  const [all, tell] = useState<{ events: unknown; said: Said[]; of: number }>({ events: null, said: [], of: 0 });
  useEffect(() => {
    if (!wanted) return;
    const asked = propertiesFor(target, kernel);
    const told: Said[] = [];
    let timer = 0;
    const ask = (): void => {
      const until = performance.now() + 30;
      while (told.length < asked.length && performance.now() < until)
        told.push(said(asked[told.length], target, kernel, events));
      tell({ events, said: [...told], of: asked.length });
      if (told.length < asked.length) timer = window.setTimeout(ask, 0);
    };
    timer = window.setTimeout(ask, 0);
    return () => window.clearTimeout(timer);
  }, [events, wanted]);
  return all.events === events ? all : { said: [], of: all.of };
}

/** The run's own first, then what breaks, then what was looked at. */
function rank({ own, broken, asked, reached }: Said): number {
  if (own) return 0;
  if (broken >= 0) return 1;
  return asked ? (reached > 0 ? 2 : 3) : 4;
}

function Properties({ session, send }: ViewProps): JSX.Element {
  const { events, place } = session.line;
  const [wanted, want] = useState(events.length <= ASKED_AT_ONCE);
  const { said: known, of } = useSaid(session, wanted);
  if (!wanted)
    return (
      <Scroll label="properties of this run">
        <p class="hint">
          The run has {grouped(events.length)} events, and each property runs them once more.{' '}
          <button type="button" onClick={() => want(true)}>
            Ask all
          </button>
        </p>
      </Scroll>
    );
  const verdict = (it: Said): JSX.Element => {
    if (!it.asked) return <span class="dim">not asked</span>;
    if (it.broken < 0)
      return <span>{it.reached > 0 ? `holds, case seen ${grouped(it.reached)}×` : 'case never seen'}</span>;
    const to = { event: it.broken + 1, step: 0 };
    return (
      <button type="button" class="broken" onClick={() => send({ type: 'go', place: to })}>
        {it.broken < place.event ? 'broken' : 'breaks'} by {it.broken}
      </button>
    );
  };
  return (
    <Scroll label="properties of this run">
      <table class="properties">
        <caption>
          {known.length < of ? `${known.length} of ${of} asked` : 'asked of this run'}; a property that the run was not
          found for has worlds of its own, so what it says here is a hint and no verdict
        </caption>
        <tbody>
          {[...known]
            .sort((a, b) => rank(a) - rank(b))
            .map((it) => (
              <tr key={it.id} class={it.own ? 'own' : ''}>
                <th scope="row">{it.id}</th>
                <td>
                  {it.says}
                  {it.why === '' ? null : <small>{it.why}</small>}
                </td>
                <td>{verdict(it)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/* ---- next events ---- */

function Next({ session, send }: ViewProps): JSX.Element {
  const { line, stepper } = session;
  if (line.place.step > 0)
    return (
      <Scroll label="hint">
        <p class="hint">An event is under way. Go to its end (→), then take another.</p>
      </Scroll>
    );
  return (
    <Scroll label="events that are legal here">
      <table class="next">
        <caption>legal here; taking one makes a branch in which the rest of the run follows it (r undoes all)</caption>
        <tbody>
          {nextEvents(line.machine).map(({ event, why }) => (
            <tr key={JSON.stringify(event)}>
              <td>
                <button type="button" onClick={() => send({ type: 'take', event })}>
                  {eventText(event, stepper.names)}
                </button>
              </td>
              <td>{'cpu' in event ? `cpu ${event.cpu}` : ''}</td>
              <td class="dim">{why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/* ---- two kernels ---- */

const MOST = 400;

function Kernels({ session, send }: ViewProps): JSX.Element {
  const { line, stepper, parted } = session;
  const { other } = stepper;
  if (other === null)
    return (
      <Scroll label="two kernels">
        <p class="hint">One kernel. Choose another in the bar, beside this one, to hold the two against each other.</p>
      </Scroll>
    );
  const { event } = line.place;
  if (event > other.length)
    return (
      <Scroll label="two kernels">
        <p class="hint">
          {other.kernel.name} died before: {other.deathWords}
        </p>
      </Scroll>
    );
  const m = line.machineBefore(event);
  const differences = differencesOf(other.machineBefore(event), m);
  const first =
    parted < 0 ? 'no difference in this run' : parted === 0 ? 'they differ from boot on' : `they part at ${parted}`;
  const to = (back: boolean) => (): void => send({ type: 'difference', back });
  return (
    <Scroll label="what differs between the two kernels">
      <p class="hint">
        {first}{' '}
        <button type="button" onClick={() => send({ type: 'go', place: { event: Math.max(0, parted), step: 0 } })}>
          first
        </button>{' '}
        <button type="button" onClick={to(true)}>
          before (D)
        </button>{' '}
        <button type="button" onClick={to(false)}>
          next (d)
        </button>
      </p>
      <table class="changes two">
        <caption>
          before event {event}:{' '}
          {differences.length === 0 ? 'no field differs' : `${grouped(differences.length)} fields differ`}
        </caption>
        <thead>
          <tr>
            <td />
            <th scope="col">{other.kernel.name}</th>
            <th scope="col">{line.kernel.name}</th>
          </tr>
        </thead>
        <DifferingRecords differences={differences.slice(0, MOST)} m={m} isFirst={event === parted} />
      </table>
    </Scroll>
  );
}

interface DifferingProps {
  differences: readonly Change[];
  m: machine;
  /** the first difference of the run is among them */
  isFirst: boolean;
}

function DifferingRecords({ differences, m, isFirst }: DifferingProps): JSX.Element {
  return (
    <>
      {byRecord(differences, m).map(({ path, name, fields }, record) => (
        <tbody key={path.join('.')}>
          <tr class="record">
            <th colSpan={3} scope="rowgroup">
              {pathText(path)} {name === '' ? null : <em>{name}</em>}
            </th>
          </tr>
          {fields.map(({ path: field, was, is }, i) => (
            <tr key={field.join('.')} class={isFirst && record === 0 && i === 0 ? 'first' : ''}>
              <td>{pathText(field.slice(path.length)).replace(/^\./, '')}</td>
              <td class="was">
                <Value text={changeText(was, field, m)} />
              </td>
              <td class="is">
                <Value text={changeText(is, field, m)} />
              </td>
            </tr>
          ))}
        </tbody>
      ))}
    </>
  );
}
