// SPDX-License-Identifier: GPL-2.0-only
/** The C parser: tree-sitter's, in WebAssembly, with the C grammar that comes prebuilt. */
import { createRequire } from 'node:module';
import { Language, type Node, Parser } from 'web-tree-sitter';

export type CNode = Node;

let parser: Promise<Parser> | null = null;

async function load(): Promise<Parser> {
  await Parser.init();
  const grammar = createRequire(import.meta.url).resolve('@repomix/tree-sitter-wasms/out/tree-sitter-c.wasm');
  const made = new Parser();
  made.setLanguage(await Language.load(grammar));
  return made;
}

/** Annotations that the grammar does not know; the parser sees blanks in their place. */
const ANNOTATION =
  /\b(?:__always_inline|noinline_for_stack|noinline|noinstr|notrace|asmlinkage|__visible|__used|__maybe_unused|__always_unused|__weak|__init|__exit|__init_or_module|__read_mostly|__ro_after_init|__user|__rcu|__percpu|__iomem|__force|__must_check|__packed|__cold|__hot|__pure|__noreturn|__no_kasan_or_inline|__cacheline_aligned_in_smp|__randomize_layout)\b|\b(?:__aligned|__printf|__acquires|__releases|__must_hold|__counted_by|__attribute__)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/g;

/** Parses; positions are those of `source`. Syntax that the grammar does not know is an ERROR node, never a failure. */
export async function parseC(source: string): Promise<CNode> {
  parser ??= load();
  const made = await parser;
  const tree = made.parse(source.replace(ANNOTATION, (text) => text.replace(/[^\n]/g, ' ')));
  if (tree === null) throw new Error('the C parser gave up');
  return tree.rootNode;
}
