// SPDX-License-Identifier: GPL-2.0-only
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((it) => it.endsWith('.md'))
    .map((it) => `docs/${it}`),
];

it('documents name files that exist', () => {
  const missing = documents.flatMap((document) => {
    const named = readFileSync(join(root, document), 'utf8').match(
      /\b(?:src|properties|test|tools|docs)\/[\w./-]+\.(?:ts|mjs|md|c|h|json|gz)\b/g,
    );
    return (named ?? []).filter((path) => !existsSync(join(root, path))).map((path) => `${document}: ${path}`);
  });
  expect(missing).toEqual([]);
});

it('links in documents lead to files that exist', () => {
  const broken = documents.flatMap((document) => {
    const links = [...readFileSync(join(root, document), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)];
    return links.filter(([, to]) => !existsSync(join(root, document, '..', to))).map(([, to]) => `${document}: ${to}`);
  });
  expect(broken).toEqual([]);
});

it('documents and the changelog have no marks of a merge, and each deviation one row', () => {
  const texts = [...documents, 'CHANGELOG.md'].map((it): [string, string] => [
    it,
    readFileSync(join(root, it), 'utf8'),
  ]);
  const marked = texts.filter(([, text]) => /^(?:<{7}|[|> ]*(?:={7}|(?:> ?){7}))/m.test(text)).map(([name]) => name);
  expect(marked).toEqual([]);
  const rows = [...readFileSync(join(root, 'docs/FIDELITY.md'), 'utf8').matchAll(/^\| (DV-\d+) /gm)].map(
    ([, id]) => id,
  );
  expect(rows).toEqual([...new Set(rows)]);
  expect(rows.length).toBeGreaterThan(10);
});
