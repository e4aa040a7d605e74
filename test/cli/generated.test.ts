// SPDX-License-Identifier: GPL-2.0-only
/** What is generated from commands and schema: completion, the manual page, the reference of scenarios; and `init`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandTexts } from '../../src/cli/command-texts.js';
import { commands } from '../../src/cli/commands.js';
import { scenarioJsonSchema } from '../../src/scenario/json-schema.js';
import { gathering, kvmodelIn } from './in-process.js';
import { scenarioReference } from './scenario-reference.js';

const cwd = mkdtempSync(join(tmpdir(), 'kvmodel-generated-'));
const { io } = gathering(cwd);

async function said(...argv: string[]): Promise<string> {
  const { code, out } = await kvmodelIn(cwd, argv);
  expect(code).toBe(0);
  return out;
}

const there = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

it('every command has examples, and none of its own name is wrong', async () => {
  for (const text of await commandTexts(io, commands)) {
    expect(text.examples.length, text.name).toBeGreaterThan(0);
    expect(text.examples.join('\n')).toContain(`kvmodel ${text.name}`);
    const known = text.options.map(({ flags }) => /--[\w-]+/.exec(flags)?.[0]);
    const own = text.examples.filter((line) => line.includes(`kvmodel ${text.name}`)).join(' ');
    for (const [option] of own.matchAll(/--[a-z][\w-]+/g)) expect(known, text.name).toContain(option);
  }
});

it('completion names every command and option, and bash takes it', async () => {
  const script = await said('completion', 'bash');
  for (const { name } of commands) expect(script).toContain(name);
  expect(script).toContain('--prefixes');
  const asked = `${script}\nCOMP_WORDS=(kvmodel run two-) COMP_CWORD=2; _kvmodel; echo "\${COMPREPLY[@]}"`;
  expect(execFileSync('bash', ['-c', asked], { encoding: 'utf8' })).toBe('two-spinners\n');
  for (const shell of ['zsh', 'fish']) {
    const text = await said('completion', shell);
    expect(text).toContain('semantics-aware-v2');
    writeFileSync(join(cwd, `c.${shell}`), text);
    if (there(shell)) expect(spawnSync(shell, ['-n', join(cwd, `c.${shell}`)]).status).toBe(0);
  }
});

it('the manual page has every command, and roff takes it', async () => {
  const page = await said('man');
  for (const { name } of commands) expect(page).toContain(`.SS ${name}`);
  expect(page).not.toMatch(/^\.(?!(TH|SH|SS|TP|B|I|RI|PP|nf|fi)\b)/m);
  if (there('groff')) {
    const { stderr } = spawnSync('groff', ['-man', '-Tascii', '-ww'], { input: page, encoding: 'utf8' });
    expect(stderr).toBe('');
  }
});

it('the schema for editors is the one that scenarios are read by', async () => {
  const schema = JSON.parse(await said('schema'));
  expect(schema).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
  expect(schema.required).toEqual(['cpus']);
  expect(schema.properties.cpus).toEqual({ type: 'integer', minimum: 1, maximum: 64 });
  expect(schema.properties.tasks.items.properties.comm.maxLength).toBe(15);
  expect(schema.properties.events.items).toEqual({ $ref: '#/$defs/event' });
  const nice = schema.$defs.event.oneOf.find(
    (it: { properties: { ev: { const: string } } }) => it.properties.ev.const === 'nice',
  );
  expect(nice.required).toEqual(['ev', 'cpu', 'task', 'nice']);
});

it('the reference of scenarios is what the schema says', async () => {
  await expect(scenarioReference()).toMatchFileSnapshot('../../docs/scenarios.md');
});

it('init writes what the tutorial is about, and overwrites nothing', async () => {
  const { out, err } = await kvmodelIn(cwd, ['init', 'mine']);
  expect(out).toBe('mine/patch.ts\nmine/claim.ts\nmine/tsconfig.json\n');
  expect(err).toContain('next: kvmodel check mine/patch.ts');
  const { compilerOptions } = JSON.parse(readFileSync(join(cwd, 'mine/tsconfig.json'), 'utf8'));
  expect(compilerOptions.paths.kvmodel[0]).toMatch(/src\/index(\.d)?\.ts$/);
  writeFileSync(join(cwd, 'mine/claim.ts'), 'mine');
  expect((await kvmodelIn(cwd, ['init', 'mine'])).code).toBe(2);
  expect(readFileSync(join(cwd, 'mine/claim.ts'), 'utf8')).toBe('mine');
});
