// SPDX-License-Identifier: GPL-2.0-only
/** `check --tree PATH --am FILE --claims WHAT`: properties asked of machines in C, before and after the patch. */
import type { Claim, Property } from '../../properties/vocabulary.js';
import { CEngine } from '../conform/machine/c-engine.js';
import { fitted, whyNotInC } from '../conform/machine/fit.js';
import { type ClaimExample, type MachineClaims, whyNotAsked } from '../conform/patch/machine-claims.js';
import type { CVerdict } from '../conform/sched/c-properties.js';
import type { PropertyRow } from '../conform/sched/patch-check.js';
import { type Answer, ASK_DEFAULTS, ask, whyNotAsked as whyVacuous } from '../explore/ask.js';
import { oneScenario } from '../explore/one-scenario.js';
import { TOKEN_MAX, tokenOf } from '../loader/counterexample.js';
import type { KernelTree } from '../native/find-tree.js';
import { MachineEngine, smokedMachine } from '../native/machine-engine.js';
import { NativeError } from '../native/native-error.js';
import { linux_6_12 } from '../series/linux-6.12.js';

export interface AskedInC {
  readonly claims: readonly Claim[];
  readonly seed: number;
  /** events of each property, on each tree */
  readonly events: number;
  readonly progress: (what: string) => void;
}

/** The engines of one tree, one for each number of CPUs. */
class Tree {
  private readonly engines = new Map<number, MachineEngine>();

  constructor(private readonly built: Awaited<ReturnType<typeof smokedMachine>>) {}

  readonly engine = (cpus: number): MachineEngine => {
    const known = this.engines.get(cpus) ?? new MachineEngine(this.built, cpus);
    this.engines.set(cpus, known);
    return known;
  };

  close(): void {
    for (const engine of this.engines.values()) engine.close();
  }
}

/** On machines that C can be; at random alone, for C cannot be copied in the middle of a search. */
function fittedProperty({ scope: _, ...property }: Property, events: number): Property {
  const { given } = property;
  const most = Math.min(events, given.events ?? events);
  return { ...property, given: { ...given, scenario: given.scenario.map(fitted), events: most } };
}

const namesProbed = (property: Property): string[] => Object.keys(property.watch(oneScenario(property)).probes ?? {});

/** Why it cannot be asked; null when it can. */
function unfit(property: Property): string | null {
  const known = whyNotAsked(property.id) ?? whyVacuous(linux_6_12, property)?.note ?? null;
  if (known !== null) return known;
  if (property.given.apics !== undefined)
    return 'it is about APICs without threads: their lock-step has properties of its own';
  const why = whyNotInC(oneScenario(property));
  return why === null ? null : `machines in C have no ${why}`;
}

function verdictOf({ verdict, evidence, example }: Answer): CVerdict {
  const { events, reached, note } = evidence;
  const said = example?.message ?? `${reached} cases in ${events} events`;
  const text = note === undefined ? said : `${said}; ${note}`;
  return { verdict: verdict === 'unreachable' ? 'refuted' : verdict, evidence: text };
}

function exampleOf({ id }: Property, { example }: Answer): ClaimExample[] {
  if (example === null) return [];
  const { scenario, events, message } = example;
  const token = tokenOf({ scenario, events, kernel: linux_6_12.name, property: id });
  return [{ id, scenario, events, message, token: token.length > TOKEN_MAX ? null : token }];
}

type NotAsked = { ids: string[]; why: string }[];

function note(notAsked: NotAsked, id: string, why: string): void {
  const known = notAsked.find((one) => one.why === why);
  if (known === undefined) notAsked.push({ ids: [id], why });
  else known.ids.push(id);
}

function askOne(
  property: Property,
  trees: readonly Tree[],
  asked: AskedInC,
  out: { rows: PropertyRow[]; examples: ClaimExample[]; notAsked: NotAsked },
): void {
  const why = unfit({ ...property, given: { ...property.given, scenario: property.given.scenario.map(fitted) } });
  if (why !== null) {
    note(out.notAsked, property.id, why);
    return;
  }
  const fit = fittedProperty(property, asked.events);
  const probed = namesProbed(fit);
  const answers: Answer[] = [];
  for (const { engine } of trees) {
    const c = new CEngine({ engine, probed, kernel: linux_6_12, name: linux_6_12.name });
    const unseen = c.notProbed[0];
    if (unseen !== undefined) {
      note(out.notAsked, property.id, `calls of ${unseen}() cannot be seen in C`);
      return;
    }
    answers.push(ask(c, c.kernel, fit, { ...ASK_DEFAULTS, seed: asked.seed, events: asked.events }));
  }
  const [base, patched] = answers as [Answer, Answer];
  const row = { id: property.id, says: property.says, base: verdictOf(base), patched: verdictOf(patched) };
  out.rows.push(row);
  if (row.patched.verdict === 'refuted' && row.base.verdict !== 'refuted')
    out.examples.push(...exampleOf(property, patched));
}

/** Asks all; a tree whose machine cannot be built answers none, and says why. */
export async function askMachines(base: KernelTree, tree: KernelTree, asked: AskedInC): Promise<MachineClaims> {
  const properties = asked.claims.flatMap((claim) => claim.properties);
  const opened: Tree[] = [];
  try {
    for (const { dir } of [base, tree])
      opened.push(new Tree(await smokedMachine({ tree: dir, variant: 'probe', smoke: dir === base.dir })));
    const out = { rows: [] as PropertyRow[], examples: [] as ClaimExample[], notAsked: [] as NotAsked };
    for (const property of properties) {
      asked.progress(`property ${property.id} of machines in C`);
      askOne(property, opened, asked, out);
    }
    return out;
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    return { rows: [], examples: [], notAsked: [{ ids: properties.map(({ id }) => id), why: error.message }] };
  } finally {
    for (const one of opened) one.close();
  }
}
