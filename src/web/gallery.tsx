// SPDX-License-Identifier: GPL-2.0-only
/** Where one begins: the scenarios of the catalogue, one sentence and one click each. */
import type { JSX } from 'preact';
import { everyScenario } from '../scenario/catalogue.js';
import { pinOf } from '../series/registry.js';
import type { PageTarget } from '../step/page-data.js';
import type { PageEvent } from './page-machine.js';

/** Events of a run whose programs decide. */
const EVENTS = 10_000;

export function scenarioTarget(name: string): PageTarget | null {
  const scenario = everyScenario.find((it) => it.name === name);
  if (scenario === undefined) return null;
  const { events = null } = scenario;
  return { title: name, kernel: pinOf(scenario.arch).name, scenario, events, limit: EVENTS };
}

export function Gallery({ send }: { send(event: PageEvent): void }): JSX.Element {
  return (
    <main class="gallery">
      <h2>Scenarios</h2>
      <ul>
        {everyScenario.map(({ name, says }) => (
          <li key={name}>
            <button
              type="button"
              onClick={() => {
                const target = scenarioTarget(name);
                if (target !== null) send({ type: 'open', target, link: null });
              }}
            >
              <code>{name}</code>
              <span>{says}</span>
            </button>
          </li>
        ))}
      </ul>
    </main>
  );
}
