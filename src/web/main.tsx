// SPDX-License-Identifier: GPL-2.0-only
/** The page's beginning: what it was given, its state, its keys, its address. */

// WHY first: it settles what the machine's modules find when they are loaded
import './before.js';

import { render } from 'preact';
import { createActor, fromPromise } from 'xstate';
import type { PageTarget } from '../step/page-data.js';
import { type Acts, App } from './app.js';
import { pageData } from './before.js';
import { caseTarget, scenarioTarget } from './gallery.js';
import { keyFor } from './keys.js';
import { type Link, linkText, readLink } from './link.js';
import { type Opened, type Opening, pageMachine, VIEWS, type View } from './page-machine.js';
import { type Refuted, readRefuted, refutedTarget } from './refuted.js';
import { linkName, open } from './session.js';
import type { Carried } from './sources.js';

declare const unpacked: (id: string) => Promise<string>;

const ZOOM = 1.6;
/** ms of standing still before the address says where */
const TELL = 150;
const THEMES = ['system', 'light', 'dark'];
const acts: Acts = {
  tracks: null,
  axis: () => undefined,
  fold: () => undefined,
  search: () => undefined,
  theme: 'system',
};
const root = document.getElementById('page');

async function start(): Promise<void> {
  const carried = JSON.parse(await unpacked('sources')) as Carried;
  const refuted = readRefuted(await unpacked('refuted'));
  const opener = fromPromise<Opened, Opening>(async ({ input }) => {
    // WHY: that it is being opened is seen first
    await new Promise((resolve) => setTimeout(resolve, 0));
    const { session, missing } = open(input.target, input.link, carried);
    return { session, missing: [...input.faults, ...missing] };
  });
  const actor = createActor(pageMachine.provide({ actors: { open: opener } }));
  let shown = '';
  let telling = 0;
  // WHY not at once: browsers slow down who changes the address at every step
  const tell = (): void => {
    const snapshot = actor.getSnapshot();
    const { session, view } = snapshot.context;
    if (session !== null && snapshot.matches({ run: 'standing' })) {
      shown = `#${linkText({ ...session.linked, view: view === 'changes' ? null : view })}`;
      history.replaceState(null, '', shown);
    } else if (snapshot.matches({ run: 'gallery' }) && location.hash !== '') {
      shown = '';
      history.replaceState(null, '', location.pathname + location.search);
    }
  };
  const draw = (): void => {
    const snapshot = actor.getSnapshot();
    const { session } = snapshot.context;
    clearTimeout(telling);
    telling = window.setTimeout(tell, TELL);
    document.title = session === null ? 'kvmodel' : `${session.target.title} · kvmodel`;
    if (root !== null)
      render(<App snapshot={snapshot} send={(event) => actor.send(event)} acts={acts} refuted={refuted} />, root);
  };
  actor.start();
  root?.replaceChildren();
  const follow = (): void => {
    const read = readLink(location.hash);
    if (read === null) {
      const target = pageData?.target ?? null;
      if (target !== null) actor.send({ type: 'open', target, link: null, faults: [] });
      return;
    }
    const { target, faults } = targetOf(read.link, refuted);
    if (target !== null) {
      actor.send({ type: 'open', target, link: read.link, faults: [...faults, ...read.faults] });
      if (VIEWS.includes(read.link.view as View)) actor.send({ type: 'show', view: read.link.view as View });
    }
  };
  follow();
  actor.subscribe(draw);
  draw();
  addEventListener('hashchange', () => {
    if (location.hash !== shown) follow();
  });
  addEventListener('keydown', (e) => pressed(e, actor, draw));
}

/** The run that a link names: the one that the page was given, or one of the catalogue. */
function targetOf(
  { target: name }: Link,
  refuted: readonly Refuted[],
): { target: PageTarget | null; faults: string[] } {
  const given = pageData?.target ?? null;
  const found = pageData?.verdicts?.rows.flatMap(({ refuted }) => refuted.map((it) => it.case)) ?? [];
  const carried = [given, ...found.map((it) => (it === null ? null : caseTarget(it)))];
  const one = carried.find((it) => it !== null && linkName(it) === name);
  if (one != null) return { target: one, faults: [] };
  const claim = name.startsWith('=') ? refuted.map(refutedTarget).find((it) => linkName(it) === name) : undefined;
  if (claim !== undefined) return { target: claim, faults: [] };
  const known = scenarioTarget(name);
  if (known !== null) return { target: known, faults: [] };
  const what = name.startsWith('=')
    ? 'a run that this page does not carry'
    : `the scenario ${name}, which this page lacks`;
  return { target: given, faults: [`it is of ${what}`] };
}

type PageActor = ReturnType<typeof createActor<typeof pageMachine>>;

function pressed(e: KeyboardEvent, actor: PageActor, draw: () => void): void {
  const at = e.target as HTMLElement | null;
  if (e.ctrlKey || e.metaKey || e.altKey || at?.matches('input, select, textarea')) return;
  // a button takes the keys that press it
  if (at?.matches('button') && (e.key === 'Enter' || e.key === ' ')) return;
  const key = keyFor(e.key);
  if (key === undefined) return;
  const snapshot = actor.getSnapshot();
  if (e.key === 'Escape') actor.send({ type: 'interrupt' });
  if (key.event !== undefined) {
    if (snapshot.matches({ sheet: 'open' }) && !['keys', 'close'].includes(key.event.type)) return;
    actor.send(key.event);
  } else if (key.act !== undefined) act(key.act, actor, draw);
  e.preventDefault();
}

function act(what: string, actor: PageActor, draw: () => void): void {
  const { session } = actor.getSnapshot().context;
  const { tracks } = acts;
  if (what === 'search') acts.search();
  else if (what === 'axis') acts.axis();
  else if (what === 'fold') acts.fold();
  else if (what === 'zoomIn') tracks?.zoomBy(ZOOM);
  else if (what === 'zoomOut') tracks?.zoomBy(1 / ZOOM);
  else if (what === 'zoomAll') tracks?.zoomAll();
  else if (what === 'theme') {
    acts.theme = THEMES[(THEMES.indexOf(acts.theme) + 1) % THEMES.length];
    document.documentElement.dataset['theme'] = acts.theme;
    draw();
  } else if (what === 'link')
    void navigator.clipboard
      ?.writeText(location.href)
      .then(() => actor.send({ type: 'say', words: 'The link to this place is copied.' }));
  else if (what === 'toggle' && session !== null && session.line.place.event < session.line.events.length)
    actor.send({ type: 'toggle', event: session.line.place.event });
}

void start();
