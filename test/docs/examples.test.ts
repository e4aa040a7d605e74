// SPDX-License-Identifier: GPL-2.0-only
/** Examples in documents compile, load, run, and say what the text beside them says. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Property } from '../../properties/vocabulary.js';
import { ask } from '../../src/explore/ask.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { CLAIM, PATCH } from '../../src/loader/init-files.js';
import { loadSeriesFile, type SeriesFile } from '../../src/loader/series-file.js';
import { typeFaults } from '../../src/loader/type-check.js';
import { boot } from '../../src/machine/boot.js';
import { happenings } from '../../src/report/happenings.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import { readScenario } from '../../src/scenario/read-scenario.js';
import { pin, seriesKernel } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'kvmodel-docs-'));
const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((it) =>
  it.endsWith('.md'),
);
const text = (document: string): string => readFileSync(join(ROOT, document), 'utf8');
const blocks = (document: string, language: string): string[] =>
  [...text(document).matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code]) => code);

const sources: [name: string, code: string][] = [
  ['patch.ts', PATCH],
  ['claim.ts', CLAIM],
  ...documents.flatMap((document) =>
    blocks(document, 'ts').map((code, i): [string, string] => [
      `${document.replace(/\W+/g, '-').toLowerCase()}-${i}.ts`,
      code,
    ]),
  ),
];
const files = sources.map(([name]) => name).filter((name) => name !== 'claim.ts');

beforeAll(() => {
  for (const [name, code] of sources) writeFileSync(join(dir, name), code);
  writeFileSync(join(dir, 'all.ts'), `${files.map((name) => `import './${name}';`).join('\n')}\n`);
});

const loaded = (name: string): Promise<SeriesFile> => loadSeriesFile(name, dir, false);

function asked(kernel: Kernel, property: Property): string {
  return ask(machineEngine, kernel, property, { seed: 1, runs: 20, events: 2_000, states: 500 }).verdict;
}

describe('code', () => {
  it('is there', () => {
    expect(files.length).toBeGreaterThan(3);
  });

  it('compiles', () => {
    expect(typeFaults(join(dir, 'all.ts'), (file) => file)).toEqual([]);
  });

  it.each(files)('%s loads, and runs', async (name) => {
    const { series } = await loaded(name);
    const scenario = namedScenario('two-spinners');
    const { events } = happenings(seriesKernel(series), scenario ?? { cpus: 1 }, 200);
    expect(events.length).toBeGreaterThan(150);
  });

  it('of properties holds on the pin, and fails with its planted fault', async () => {
    const properties: Property[] = [];
    for (const name of files) properties.push(...(await loaded(name)).claims.flatMap((claim) => claim.properties));
    expect(properties.map((p) => p.id)).toEqual(expect.arrayContaining(['Y1.1', 'mine.1']));
    for (const property of properties) {
      expect([property.id, asked(pin, property)]).toEqual([property.id, 'holds']);
      const faulty = overridden(pin, 'faulty', property.fault.funcs);
      expect([property.id, asked(faulty, property)]).toEqual([property.id, 'refuted']);
    }
  });

  it('of the tutorial is refuted by its own claim in one event', async () => {
    const { series, claims } = await loaded('patch.ts');
    const options = { seed: 1, runs: 20, events: 2_000, states: 500 };
    const { verdict, example } = ask(machineEngine, seriesKernel(series), claims[0].properties[0], options);
    expect([verdict, example?.events]).toEqual(['refuted', [{ ev: 'yield', cpu: 0 }]]);
    expect(text('docs/tutorial.md')).toContain(example?.message as string);
    expect(text('docs/tutorial.md')).toContain(claims[0].properties[0].says.slice(0, 40));
  });
});

describe('scenarios', () => {
  it('in JSON are read and boot', () => {
    const all = blocks('docs/scenarios.md', 'json');
    expect(all).toHaveLength(1);
    for (const json of all) expect(boot(pin, readScenario(json, 'docs')).rq.length).toBeGreaterThan(0);
  });
});

describe('links', () => {
  it.each(documents)('of %s lead to files', (document) => {
    const targets = [...text(document).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, to]) => to);
    expect(targets.filter((to) => !existsSync(join(ROOT, dirname(document), to)))).toEqual([]);
  });
});
