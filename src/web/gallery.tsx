// SPDX-License-Identifier: GPL-2.0-only
/** Where one begins: the scenarios of the catalogue and the refuted claims of the series, one sentence and one click each. */
import type { JSX } from 'preact';
import type { PageCase, PageRow, PageVerdicts } from '../report/page-verdicts.js';
import { everyScenario } from '../scenario/catalogue.js';
import { pinOf } from '../series/registry.js';
import type { PageTarget } from '../step/page-data.js';
import type { PageEvent } from './page-machine.js';
import { bySeries, type Refuted, refutedTarget } from './refuted.js';

/** Events of a run whose programs decide. */
const EVENTS = 10_000;

export function scenarioTarget(name: string): PageTarget | null {
  const scenario = everyScenario.find((it) => it.name === name);
  if (scenario === undefined) return null;
  const { events = null } = scenario;
  return { title: name, kernel: pinOf(scenario.arch).name, scenario, events, limit: EVENTS };
}

export function Gallery({ send, refuted }: { send(event: PageEvent): void; refuted: readonly Refuted[] }): JSX.Element {
  const open = (target: PageTarget | null) => (): void => {
    if (target !== null) send({ type: 'open', target, link: null, faults: [] });
  };
  return (
    <main class="gallery">
      <h2>Scenarios</h2>
      <ul>
        {everyScenario.map(({ name, says }) => (
          <li key={name}>
            <button type="button" onClick={open(scenarioTarget(name))}>
              <code>{name}</code>
              <span>{says}</span>
            </button>
          </li>
        ))}
      </ul>
      <h2>Refuted claims</h2>
      <p>What check found against claims of the shipped series, one run each, from its beginning to what breaks it.</p>
      {bySeries(refuted).map(({ id, title, claims }) => (
        <section key={id} aria-labelledby={`of-${id}`}>
          <h3 id={`of-${id}`}>
            <code>{id}</code> {title}
          </h3>
          <ul>
            {claims.map(({ it, words }) => (
              <li key={it.claim}>
                <button type="button" onClick={() => open(refutedTarget(it))()}>
                  <code>{it.property}</code>
                  <span>{words}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </main>
  );
}

export function caseTarget({ property, ...run }: PageCase): PageTarget {
  return { title: property, property, limit: EVENTS, ...run };
}

/** What check found: its table, and each counterexample one click away. */
export function Verdicts({ verdicts, send }: { verdicts: PageVerdicts; send(event: PageEvent): void }): JSX.Element {
  const { title, summary, kernels, rows } = verdicts;
  return (
    <main class="gallery">
      <h2>{title}</h2>
      <p>{summary}</p>
      <table class="verdicts">
        <thead>
          <tr>
            <th scope="col">id</th>
            <th scope="col">claim</th>
            {kernels.map((it) => (
              <th key={it} scope="col">
                {it}
              </th>
            ))}
            <th scope="col">evidence</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">{row.id}</th>
              <td>
                {row.words}
                {row.refuted.map((it) => (
                  <Refutation key={it.property} it={it} send={send} />
                ))}
              </td>
              {kernels.map((it) => (
                <td key={it} class={row.verdicts[it] === 'refuted' ? 'refuted' : ''}>
                  {row.verdicts[it] ?? '-'}
                </td>
              ))}
              <td>{row.evidence}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </main>
  );
}

function Refutation({ it, send }: { it: PageRow['refuted'][number]; send(event: PageEvent): void }): JSX.Element {
  const { property, message, replay, case: run } = it;
  const open = (): void => {
    if (run === null) return;
    const target = caseTarget(run);
    send({ type: 'open', target, link: null, faults: [] });
  };
  return (
    <p class="refutation">
      {run === null ? (
        <span class="dim">
          {property}: the page lacks its kernel; {replay}
        </span>
      ) : (
        <button type="button" onClick={open}>
          {property}: step through {run.events.length} events
        </button>
      )}{' '}
      {message}
    </p>
  );
}
