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
